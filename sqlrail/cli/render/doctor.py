"""What is unhealthy, table by table, with what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sqlrail.ground.words import counted, printable, rows
from sqlrail.verbs.doctor import Finding, Health


def text(result: Health) -> str:
    """What is ill, table by table, with what mends it, and how much there is."""
    lines = []
    in_order = sorted(result.findings, key=lambda one: one.table)
    for table, findings in groupby(in_order, key=lambda one: one.table):
        lines += [printable(table), *(f"  {line}" for one in findings for line in _finding_lines(one))]
    number = len(result.findings)
    end = counted(number, "finding") if number else "nothing unhealthy"
    lines.append(f"{end} in {printable(result.database)}")
    if result.made:
        lines += [f"made {one.path}: read it before you run it" for one in result.made]
    elif any(one.is_mended for one in result.findings):
        lines.append("--write makes new migrations of the SQL")
    return "\n".join(lines)


def _finding_lines(one: Finding) -> Iterator[str]:
    yield f"{printable(one.object)}: {printable(one.reason)}"
    if one.uncounted:
        yield f"  not counted: {printable(one.uncounted)}"
    elif one.count is not None:
        what = "without a parent" if one.relation else "in it" if one.kind == "old_archive" else "in the way"
        yield f"  {rows(one.count)} {what}"
    if one.advice:
        yield f"  note: {printable(one.advice)}"
    if one.is_mended and one.cleans:
        yield f"    -- cleanup: {one.relation}"
    for sql in (*one.now, *one.later):
        # In a name, a blank in front of a line would be one more character.
        yield f"    {sql};" if sql.isprintable() else "    (SQL of several lines: --json or --write has it)"
