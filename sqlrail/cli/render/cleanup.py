"""What a cleanup has found and done, relation by relation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlrail.cli.render.words import shown
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation
from sqlrail.ground.sentences import BECOMES, cleaned
from sqlrail.ground.words import counted, rows
from sqlrail.orphans import kinds
from sqlrail.orphans.cleaned import Cleaned, mixed_rows

if TYPE_CHECKING:
    from sqlrail.orphans.duplicates.told import Duplicates
    from sqlrail.results.relation import OrphanResult
    from sqlrail.verbs.cleanup import Cleanup


def text(result: Cleanup) -> str:
    """A line for each relation, with what hangs on it in a preview, and the sum."""
    lines = []
    for one in result.relations:
        lines.append(line(one))
        if one.mixed:
            lines.append(f"  left for you to mend: {mixed_rows(one)}")
        if result.dry_run:
            lines += [f"  {found}" for found in (*_seen_lines(one), *before(one))]
        lines += [f"  trigger {trigger}" for trigger in one.triggers]
        lines += [f"  foreign key {cascade}" for cascade in one.cascades]
    if result.dry_run:
        return "\n".join([*lines, "dry run: nothing was changed"])
    return "\n".join([*lines, _end(result)])


def _end(result: Cleanup) -> str:
    deleted, changed = (sum(getattr(one, it) for one in result.relations) for it in ("deleted", "changed"))
    parts = [f"{rows(deleted)} deleted"] * (deleted > 0) + [f"{rows(changed)} changed"] * (changed > 0)
    if parts:
        end = f"done: {', '.join(parts)}, all in the archive as run {result.run}"
    elif any(one.orphans for one in result.relations):
        end = "nothing was changed"
    else:
        are_relations = all(isinstance(one.relation, Relation) for one in result.relations)
        end = "no orphans" if are_relations else "nothing to clean"
    left = sum(one.orphans for one in result.undecided)
    return f"{end}; {rows(left)} left, because nothing says what to do with them" if left else end


def line(one: Cleaned) -> str:
    """What became of one relation's orphans."""
    if one.skipped:
        return f"{one.relation}: nothing to clean, {one.skipped}"
    if one.facts.wrong:
        return f"{one.relation}: cannot be cleaned, {one.facts.wrong}"
    if one.refusals:
        found = f"{kinds.found(one.relation, one.orphans)}, " if one.is_undecided and one.orphans else ""
        return f"{one.relation}: {found}would be refused: {'; '.join(one.refusals)}"
    if not one.orphans:
        return f"{one.relation}: {kinds.found(one.relation, 0)}"
    if one.run is None and one.seen:
        share, becomes = one.orphans / one.seen.rows, BECOMES[one.action or "delete"]
        return f"{one.relation}: {rows(one.orphans)} of {one.seen.rows:,} ({share:.2%}) would be archived and {becomes}"
    return cleaned(one.summary)


def before(one: Cleaned) -> list[str]:
    """What is cleaned first, if it may change what was counted."""
    names = " and ".join(one.counted_before)
    return [f"counted before the cleanup of {names}, which may leave other rows"] if names else []


def _seen_lines(one: Cleaned) -> list[str]:
    """What a look found beside the number of orphans."""
    if one.duplicates:
        return _duplicate_lines(one.duplicates, one.action) if one.orphans else []
    seen, lines = one.seen, []
    if seen and one.orphans:
        if seen.missing_keys is not None:
            lines.append(f"{counted(seen.missing_keys, 'key is', 'keys are')} missing")
        if seen.oldest:
            lines.append(f"{seen.timestamp} from {seen.oldest} to {seen.newest}")
        lines += [_sample_line(sample) for sample in seen.samples if sample["key"] or sample["row"]]
    if seen and seen.null_keys:
        lines.append(
            counted(seen.null_keys, "row without a key, which stays", "rows without a key, which stay")
        )
    for key in one.foreign_keys if one.orphans else ():
        lines.append(f"its own foreign key {key}")
        if key.endswith(("set null", "set default")) and one.action == "delete":
            lines[-1] += ", which would have kept the rows; the cleanup was told to delete them"
    return lines


def _duplicate_lines(found: Duplicates, action: str | None) -> list[str]:
    """Which rows are equal, and what becomes of the rows that refer to those that go."""
    stays = (action or "").removeprefix("keep ")  # newest or oldest
    lines = [f"{counted(found.groups, 'group')} of equal rows: of each the {stays} by {join(found.by)} stays"]
    lines += [
        f"{rows(each.rows)} of {each.table} would be pointed at the rows that stay ({join(each.key)})"
        for each in found.pointed
    ]
    return lines + [
        f"{rows(count)} of {table} would go as well: pointed there they are duplicates themselves"
        for table, count in found.in_turn
    ]


def _sample_line(sample: OrphanResult) -> str:
    if not sample["key"]:
        row = ", ".join(f"{join(name)} {shown(value)}" for name, value in (sample["row"] or {}).items())
        return f"for example {row}"
    key, row = (
        ", ".join(f"{join(name)} {shown(value)}" for name, value in (part or {}).items())
        for part in (sample["key"], sample["row"])
    )
    return f"for example {rows(sample['rows'])} with {key}{f': {row}' if row else ''}"
