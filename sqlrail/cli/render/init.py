"""What init made, what was there, and what to type next."""

from __future__ import annotations

from sqlrail.verbs.init import Initial


def text(result: Initial) -> str:
    """A line for each file, and the commands that come next."""
    verb = "would make" if result.is_dry_run else "made"
    lines = [f"{verb} {path}" for path in result.made]
    for kept in result.kept:
        lines.append(f"kept {kept.path}{'; add to it:' if kept.add else ''}")
        lines += [f"  {line}" for line in kept.add]
    return "\n".join([*lines, "next:", *(f"  {command}" for command in result.next)])
