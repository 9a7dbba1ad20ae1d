"""What people and machines read: results as text, as tables and as JSON. Nothing here prints."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlrail.engine.backend import Applied
from sqlrail.errors import SqlrailError
from sqlrail.ground.words import printable
from sqlrail.orphans.clean import Cleaned, join, mixed_rows
from sqlrail.postgres.giving_way import Progress
from sqlrail.records.history import Entry
from sqlrail.records.problems import Problem
from sqlrail.verbs.apply import Migrated
from sqlrail.verbs.cleanup import Cleanup
from sqlrail.verbs.repair import Repair

if TYPE_CHECKING:  # what the other verbs need not load
    from sqlrail.verbs import online
    from sqlrail.verbs.archive import Purge, Run
    from sqlrail.verbs.baseline import Baselined
    from sqlrail.verbs.doctor import Finding as Illness
    from sqlrail.verbs.doctor import Health
    from sqlrail.verbs.drift import Drift
    from sqlrail.verbs.lint import Finding, Linted
    from sqlrail.verbs.new import New
    from sqlrail.verbs.plan import Plan, Planned, PlannedFile, Touched
    from sqlrail.verbs.restore import Left, Restore
    from sqlrail.verbs.rollback import Rollback, RolledBack

#: characters of a table where no terminal says how wide it is: never cut an id off
WIDE = 200
#: characters that people read of one value; the JSON has them all
VALUE = 100
#: reasons that people read of one relation; the JSON has them all
REASONS = 10
#: statements, and findings, that people read of one file; the JSON has them all
STATEMENTS, FINDINGS = 40, 10
#: what becomes of orphans
BECOMES = {"delete": "deleted", "set null": "set to null", "set default": "set to default"}


def rows(number: int) -> str:
    """1 row, 2 rows, 1,000 rows."""
    return f"{number:,} row{'' if number == 1 else 's'}"


def shown(value: str | None) -> str:
    """A value out of somebody's row, on one line of a terminal that it cannot give orders to."""
    if value is None:
        return "null"
    more = "…" if len(value) > VALUE else ""
    return printable(value[:VALUE]) + more


def applied_lines(done: Applied) -> str:
    """One line for a migration, and one for each of its cleanups that found something."""
    lines = [f"applied {done.id} ({done.seconds:.2f} s)"]
    lines += [f"  {cleaned_line(one)}" for one in done.cleanup if one.orphans]
    return "\n".join(lines)


def cleaned_line(one: Cleaned) -> str:
    """What became of one relation's orphans."""
    if one.skipped:
        return f"{one.relation}: nothing to clean, {one.skipped}"
    if one.refusals:
        found = (
            f"{one.orphans:,} orphan{'s' * (one.orphans > 1)}, " if one.is_undecided and one.orphans else ""
        )
        return f"{one.relation}: {found}would be refused: {'; '.join(one.refusals)}"
    if not one.orphans:
        return f"{one.relation}: no orphans"
    if one.run is None and one.seen:
        share, becomes = one.orphans / one.seen.rows, BECOMES[one.action or "delete"]
        return f"{one.relation}: {rows(one.orphans)} of {one.seen.rows:,} ({share:.2%}) would be archived and {becomes}"
    left = f", {rows(one.left)} left alone" if one.left else ""
    done = f"{rows(one.cleaned)} {BECOMES[one.action or 'delete']}"
    return f"{one.relation}: {done}, {rows(one.archived)} archived (run {one.run}){left}"


def progress(done: online.Progress) -> Progress:
    """How far an online cleanup is with a relation."""
    becomes = BECOMES[done.action]
    text = f"{done.done:,} of {rows(done.found)}, {done.cleaned:,} {becomes}, {done.rate:,.0f} a second"
    if done.done < done.found:
        text += f", {timedelta(seconds=round(done.left))} left"
    return Progress(str(done.relation), text, done.done, done.found)


def seen_lines(one: Cleaned) -> list[str]:
    """What a look found beside the number of orphans."""
    seen, lines = one.seen, []
    if seen and one.orphans:
        lines.append(f"{seen.missing_keys:,} key{'s are' if seen.missing_keys != 1 else ' is'} missing")
        if seen.oldest:
            lines.append(f"{seen.timestamp} from {seen.oldest} to {seen.newest}")
        lines += [_sample_line(sample) for sample in seen.samples]
    if seen and seen.null_keys:
        lines.append(f"{rows(seen.null_keys)} without a key, which stay{'s' * (seen.null_keys == 1)}")
    for key in one.foreign_keys if one.orphans else ():
        lines.append(f"its own foreign key {key}")
        if key.endswith(("set null", "set default")) and one.action == "delete":
            lines[-1] += ", which would have kept the rows; the cleanup was told to delete them"
    return lines


def _sample_line(sample: dict[str, Any]) -> str:
    key, row = (
        ", ".join(f"{join(name)} {shown(value)}" for name, value in (sample[part] or {}).items())
        for part in ("key", "row")
    )
    return f"for example {rows(sample['rows'])} with {key}{f': {row}' if row else ''}"


def migrated_text(result: Migrated) -> str:
    """The last line of a migrate."""
    if not result.applied:
        return f"nothing to do: {result.already_applied} applied, {result.pending} pending"
    left = f", {result.pending} still pending" if result.pending else ""
    return f"done: {len(result.applied)} applied now, {result.already_applied} before{left}"


def rolled_back_line(done: RolledBack) -> str:
    """One line for a migration that was taken back."""
    return f"rolled back {done.id} ({done.seconds:.2f} s)"


def rollback_text(result: Rollback) -> str:
    """The last line of a rollback."""
    if not result.rolled_back:
        return f"nothing rolled back: {result.still_applied} applied"
    return f"done: {len(result.rolled_back)} rolled back, {result.still_applied} still applied"


def baseline_text(result: Baselined) -> str:
    """A line for each migration that was recorded, what differs and harms nothing, and the sum."""
    lines = [f"recorded {id_}" for id_ in result.ids]
    found = result.comparison
    lines += [f"note: {line}" for line in found.noted]
    if any(found.more):
        tables, columns, others = (
            f"{number:,} {kind}{'' if number == 1 else 's'}"
            for number, kind in zip(found.more, ("table", "column", "other object"), strict=True)
        )
        lines.append(f"the database has {tables}, {columns} and {others} that these files do not build")
    return "\n".join([*lines, f"done: {len(result.ids)} recorded as applied, none run"])


def drift_text(result: Drift) -> str:
    """The differences, table by table, and how many there are."""
    from sqlrail.verbs.drift import lines_of

    lines, before = [], None
    for one in result.differences:
        if one.home != before:
            lines.append(printable(one.home))
            before = one.home
        lines += [f"  {line}" for line in lines_of(one, result.words)]
    number = len(result.differences)
    end = f"{number:,} difference{'' if number == 1 else 's'}" if number else "no difference"
    lines.append(f"{end} between {printable(result.database)} and {_other(result)}")
    if number:
        lines.append("--print-sql prints what makes the database the same")
    return "\n".join(lines)


def _other(result: Drift) -> str:
    if not result.built:
        return "no file: none is applied" if result.words.name == "the files" else result.words.name
    files = "1 file" if len(result.built) == 1 else f"{len(result.built)} files"
    return f"what {files} build{'s' * (len(result.built) == 1)}, up to {result.built[-1]}"


def drift_sql(result: Drift, *, with_drops: bool) -> str:
    """A script that makes the database the same; what would lose data is a comment in it, unless asked for."""
    lines = [f"-- {line}" for line in drift_text(result).splitlines()[: -1 if result.differences else None]]
    lost = sum(one.loses for one in result.statements)
    if lost and not with_drops:
        what = "1 statement that would lose data is a comment" if lost == 1 else (
            f"{lost:,} statements that would lose data, or go with those, are comments"
        )  # fmt: skip
        lines.append(f"-- {what}; with --with-drops they are not")
    for one in result.statements:
        text = f"-- by hand only: {printable(one.sql)}" if one.is_by_hand else f"{one.sql};"
        if one.loses and not with_drops:
            # A comment ends at either, and a name may have both in it.
            text = "-- " + re.sub(r"\r\n|\n|\r", r"\g<0>-- ", text)
        lines += ["", text]
    return "\n".join(lines)


def doctor_text(result: Health, made: Sequence[New]) -> str:
    """What is ill, table by table, with what mends it, and how much there is."""
    lines = []
    in_order = sorted(result.findings, key=lambda one: one.table)
    for table, findings in groupby(in_order, key=lambda one: one.table):
        lines += [printable(table), *(f"  {line}" for one in findings for line in _illness_lines(one))]
    number = len(result.findings)
    end = f"{number:,} finding{'' if number == 1 else 's'}" if number else "nothing unhealthy"
    lines.append(f"{end} in {printable(result.database)}")
    if made:
        lines += [f"made {one.path}: read it before you run it" for one in made]
    elif any(one.is_mended for one in result.findings):
        lines.append("--write makes new migrations of the SQL")
    return "\n".join(lines)


def _illness_lines(one: Illness) -> Iterator[str]:
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
    for text in (*one.now, *one.later):
        # In a name, a blank in front of a line would be one more character.
        yield f"    {text};" if text.isprintable() else "    (SQL of several lines: --json or --write has it)"


def cleanup_text(result: Cleanup) -> str:
    """A line for each relation, with what hangs on it in a preview, and the sum."""
    lines = []
    for one in result.relations:
        lines.append(cleaned_line(one))
        if one.mixed:
            lines.append(f"  left for you to mend: {mixed_rows(one)}")
        if result.dry_run:
            lines += [f"  {line}" for line in seen_lines(one)]
        lines += [f"  trigger {trigger}" for trigger in one.triggers]
        lines += [f"  foreign key {cascade}" for cascade in one.cascades]
    if result.dry_run:
        return "\n".join([*lines, "dry run: nothing was changed"])
    return "\n".join([*lines, _cleanup_end(result)])


def _cleanup_end(result: Cleanup) -> str:
    deleted, changed = (sum(getattr(one, it) for one in result.relations) for it in ("deleted", "changed"))
    parts = [f"{rows(deleted)} deleted"] * (deleted > 0) + [f"{rows(changed)} changed"] * (changed > 0)
    if parts:
        end = f"done: {', '.join(parts)}, all in the archive as run {result.run}"
    else:
        end = "nothing was changed" if any(one.orphans for one in result.relations) else "no orphans"
    left = sum(one.orphans for one in result.undecided)
    return f"{end}; {rows(left)} left, of which nobody has said what becomes of them" if left else end


def lint_text(result: Linted) -> str:
    """Every finding with its place and the safer way, file by file, and the sum."""
    lines = []
    for path, findings in groupby(result.findings, key=lambda one: one.path):
        for one in findings:
            lines += [
                f"{path}:{one.line}:{one.column}: {one.rule}: {one.message}",
                f"    safer: {one.remedy}",
            ]
        lines.append("")
    return "\n".join([*lines, _lint_sum(result)])


def _lint_sum(result: Linted) -> str:
    found = sum(not one.is_notice for one in result.findings)
    files = f"{result.files} file{'' if result.files == 1 else 's'}"
    return (
        f"{found or 'no'} finding{'' if found == 1 else 's'} in {files}"
        if result.files
        else "nothing to lint"
    )


def lint_github(result: Linted) -> str:
    """Every finding as a command that annotates its line, and the sum; a workflow's log reads both."""
    return "\n".join([*(_annotation(one) for one in result.findings), _lint_sum(result)])


def _annotation(one: Finding) -> str:
    values = {"file": one.path, "line": one.line, "col": one.column, "title": one.rule}
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in values.items())
    level = "notice" if one.is_notice else "warning"
    return f"::{level} {properties}::{_escaped(f'{one.message} Safer: {one.remedy}')}"


def _escaped(text: str, more: str = "") -> str:
    # As GitHub's own toolkit does it: docs.github.com/actions/reference/workflow-commands-for-github-actions
    return re.sub(rf"[%\r\n{more}]", lambda found: f"%{ord(found[0]):02X}", text)


def repair_text(repairs: list[Repair]) -> str:
    """What a repair accepts, file by file."""
    return "\n".join(line for one in repairs for line in _repair_lines(one))


def _repair_lines(one: Repair) -> Iterator[str]:
    if one.kind == "begun":
        yield f"{one.id}: {one.note}"
        yield "  its notes go; the next run begins at its first statement"
        return
    at = f"{one.applied_at:%Y-%m-%d %H:%M:%S} UTC" if one.applied_at else "an unknown time"
    was = f" from {one.was}" if one.was != one.id else ""
    yield f"{one.id}: {one.kind}{was}; applied at {at} by {one.applied_by or 'somebody unknown'}"
    if one.kind == "forgotten":
        yield "  its record goes; should the file come back, it runs again"
    else:
        yield f"  recorded {one.before}"
        yield f"  today    {one.after}"


def restore_text(result: Restore) -> str:
    """A line for each relation, why rows stay, and the sum."""
    lines = []
    for one in result.relations:
        lines.append(f"{one.relation}: {rows(one.restored)} restored, {one.left:,} left")
        lines += [f"  {_left_line(left)}" for left in one.reasons[:REASONS]]
        if len(one.reasons) > REASONS:
            lines.append(f"  and {len(one.reasons) - REASONS:,} more reasons (--json has them)")
    lines += [f"note: {note}" for note in result.notes]
    if not result.relations:
        return "\n".join([*lines, "nothing to restore"])
    restored, left = (
        sum(counts) for counts in zip(*[(r.restored, r.left) for r in result.relations], strict=True)
    )
    if result.run is None:
        return "\n".join(
            [*lines, f"nothing was restored: {rows(left)} of run {result.of} left in the archive"]
        )
    end = f"done: {rows(restored)} of run {result.of} restored as run {result.run}, {left:,} left in the archive"
    return "\n".join([*lines, end])


def _left_line(left: Left) -> str:
    samples = "; ".join(
        ", ".join(f"{join(name)} {shown(value)}" for name, value in sample.items()) for sample in left.samples
    )
    kind = {"orphan": "", "cascade": " (by a cascade)"}.get(left.action, f" ({left.action})")
    return f"{rows(left.rows)} of {left.source}{kind}: {left.reason}" + (f": {samples}" if samples else "")


def archive_text(runs: tuple[Run, ...], width: int | None) -> str:
    """Every run with what is left of it in the archive, as a table."""
    cells = []
    for run in runs:
        kept: dict[str, int] = {}
        for part in run.kept:
            kept[part["action"]] = kept.get(part["action"], 0) + part["rows"]
        cells.append((
            str(run.id), f"{run.at:%Y-%m-%d %H:%M:%S}" if run.at else "?", run.verb or "?", run.migration or "",
            "; ".join(_logged(run)), ", ".join(f"{number:,} {action}" for action, number in kept.items()),
        ))  # fmt: skip
    heads = ("run", "at (UTC)", "verb", "migration", "relations", "still archived")
    total = sum(run.rows for run in runs)
    return "\n".join([*(_table(heads, cells, width) if runs else []), f"{rows(total)} in the archive"])


def _logged(run: Run) -> list[str]:
    names = [str(done.get("relation") or f"run {done.get('of')}") for done in run.relations]
    return list(dict.fromkeys([*names, *(part["relation"] for part in run.kept)]))


def purge_text(result: Purge) -> str:
    """What was deleted for good, and what stays for want of a date."""
    kept = [
        f"run {of}: {rows(number)} left, for nothing says how old: the run is gone from sqlrail.run, and none is later "
        "(--older-than 0 takes all)"
        for of, number in result.undated.items()
    ]
    if result.run is None:
        return "\n".join([*kept, "nothing to purge"])
    lines = [f"run {of}: {rows(number)} deleted for good" for of, number in result.purged.items()]
    return "\n".join([*lines, *kept, f"done: {rows(sum(result.purged.values()))} purged (run {result.run})"])


def status_text(entries: list[Entry], found: list[Problem], width: int | None) -> str:
    """The history as a table, and what is wrong below it.

    The width is the terminal's in characters, None where there is none.
    """
    cells = [(e.id, e.state, f"{e.applied_at:%Y-%m-%d %H:%M:%S}" if e.applied_at else "") for e in entries]
    lines = _table(("migration", "state", "applied at (UTC)"), cells, width)
    pending = sum(entry.state in ("pending", "late") for entry in entries)
    wrong = [f"{'' if problem.refuses else 'warning: '}{problem.message}" for problem in found]
    return "\n".join([*lines, f"{len(entries) - pending} applied, {pending} pending", *wrong])


def plan_text(result: Plan, width: int | None) -> str:
    """A table for each pending file, the worst that it does in front, and the sum."""
    lines = []
    for file in result.files:
        lines.append(f"{file.id}: {file.verdict}")
        cells = [tuple(map(printable, row)) for one in _shown(file) for row in _spread(one)]
        lines += [f"  {line}" for line in (_table(_PLAN_HEADS, cells, width and width - 2) if cells else [])]
        lines += [f"  {printable(line)}" for line in _more_lines(file)]
    lines += [f"note: {note}" for note in result.notes]
    return "\n".join([*lines, _plan_sum(result)])


_PLAN_HEADS = ("line", "statement", "does", "lock", "on", "live")


def plan_markdown(result: Plan) -> str:
    """The same for a comment on a pull request. Whatever is in a name or a statement, it stays in its cell."""
    lines = [f"**{_plan_sum(result)}**", ""]
    for file in result.files:
        lines += [f"### {_cell(file.id)}: {file.verdict}", ""]
        cells = [row for one in _shown(file) for row in _spread(one)]
        if cells:
            lines += [f"| {' | '.join(_PLAN_HEADS)} |", f"|{' --- |' * len(_PLAN_HEADS)}"]
            lines += [f"| {' | '.join(map(_cell, row))} |" for row in cells] + [""]
        if more := _more_lines(file):
            lines += [*(f"- {_cell(line)}" for line in more), ""]
    lines += [f"- {_cell(note)}" for note in result.notes]
    return "\n".join(lines).rstrip()


def _shown(file: PlannedFile) -> list[Planned]:
    """All statements, or of many those first that touch what is live."""
    if len(file.statements) <= STATEMENTS:
        return list(file.statements)
    return [one for one in file.statements if one.touched or one.objects or one.note][:STATEMENTS]


def _spread(one: Planned) -> Iterator[tuple[str, ...]]:
    """A row for each relation that a statement touches, for each object that it locks, and for its note."""
    head = [str(one.line), one.text]
    for it in one.touched:
        yield (*head, _does(it, one), it.lock or "", it.relation, _live(it))
        head = ["", ""]
    for locked in one.objects:
        yield (*head, f"blocks {locked.blocks}", locked.lock, locked.name, locked.kind)
        head = ["", ""]
    if one.note or not (one.touched or one.objects):
        yield (*head, one.note or "", "", "", "")


def _does(it: Touched, one: Planned) -> str:
    work = "rewrites" if it.rewritten else "scans" if it.scanned else ""
    blocks = f"blocks {' and '.join(it.blocks)}" if it.blocks else ""
    if it.is_work and not one.blocks and one.verdict in ("blocks", "rewrites"):
        blocks = "under earlier locks"
    return ", ".join(filter(None, [work, blocks]))


def _live(it: Touched) -> str:
    if not it.is_live:
        return "not there"
    if it.kind in ("view", "sequence"):
        return it.kind
    number = "rows not counted" if it.rows is None else rows(it.rows)
    return f"{number}, {size(it.bytes or 0)}"


def size(number: int) -> str:
    """Bytes as people say them: 8 kB, 1.5 MB, 120 GB."""
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1024
    return f"{value:.1f} {unit}" if value < 10 and value % 1 and unit != "B" else f"{value:,.0f} {unit}"


def _more_lines(file: PlannedFile) -> list[str]:
    lines = [f"cleanup of {cleaned_line(one)}" for one in file.cleanup]
    shown = file.findings[:FINDINGS]
    lines += [f"{it.line}:{it.column} {it.rule}: {it.message} Safer: {it.remedy}." for it in shown]
    if hidden := len(file.findings) - len(shown):
        lines.append(f"and {hidden:,} more finding{'s' * (hidden > 1)} (`lint` has them)")
    if hidden := len(file.statements) - len(_shown(file)):
        lines.append(f"and {hidden:,} more statement{'s' * (hidden > 1)} (--json has them)")
    return lines


def _plan_sum(result: Plan) -> str:
    if not result.files:
        return f"nothing to plan: {result.applied} applied, none pending"
    verdicts = [file.verdict for file in result.files]
    parts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    return f"{len(verdicts)} pending: {parts}; rehearsed on PostgreSQL {result.rehearsed}, and nothing was changed"


def _cell(text: str) -> str:
    """Text that Markdown leaves as it is: no markup, link or line end, and as code no mention of anybody."""
    text = printable(text)
    plain = re.sub(r"[^\w\s.,%()='/-]|_", lambda it: f"&#{ord(it[0])};", text)
    return f"<code>{plain}</code>" if plain != text else text


def _table(heads: tuple[str, ...], cells: Sequence[tuple[str, ...]], width: int | None) -> list[str]:
    from rich.console import Console
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False)
    for row in cells:
        table.add_row(*row)
    out = io.StringIO()
    # A name is no markup: [b] in one is to be seen. FORCE_COLOR would put bold headings into a file.
    Console(
        file=out,
        width=width or WIDE,
        no_color=True,
        force_terminal=False,
        markup=False,
        emoji=False,
        highlight=False,
    ).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def rollback_json(result: Rollback) -> dict[str, Any]:
    """A rollback for scripts; seconds are wall time."""
    return {
        "rolled_back": [{"id": done.id, "seconds": done.seconds} for done in result.rolled_back],
        "still_applied": result.still_applied,
    }


def baseline_json(result: Baselined) -> dict[str, Any]:
    """A baseline for scripts."""
    found = result.comparison
    return {
        "baselined": list(result.ids),
        "compared": found.uncompared is None,
        "differences": list(found.lacking),
        "notes": list(found.noted),
        "more_tables": found.more.tables,
        "more_columns": found.more.columns,
        "more_others": found.more.others,
    }


def lint_json(result: Linted) -> dict[str, Any]:
    """A lint for scripts; a version of null is no server's. Notices are what could not be linted."""
    found: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for one in result.findings:
        found[one.is_notice].append({**vars(one), "path": str(one.path)})
    return {
        "findings": found[False],
        "notices": found[True],
        "files": result.files,
        "version": result.version,
    }


def plan_json(result: Plan) -> dict[str, Any]:
    """A plan for scripts; rows are the live database's, as its statistics estimate them."""
    return {
        "files": [_planned_file_json(file) for file in result.files],
        "applied": result.applied,
        "instant": result.is_instant,
        "live": result.live,
        "rehearsed": result.rehearsed,
        "notes": list(result.notes),
    }


def _planned_file_json(file: PlannedFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "path": file.path,
        "transactional": file.transactional,
        "verdict": file.verdict,
        "statements": [_planned_json(one) for one in file.statements],
        "cleanup": [one.as_json() for one in file.cleanup],
        "findings": [
            {
                "line": it.line,
                "column": it.column,
                "rule": it.rule,
                "message": it.message,
                "remedy": it.remedy,
            }
            for it in file.findings
        ],
    }


def _planned_json(one: Planned) -> dict[str, Any]:
    return {
        "line": one.line,
        "column": one.column,
        "statement": one.text,
        "verdict": one.verdict,
        "blocks": list(one.blocks),
        "relations": [
            {
                "relation": it.relation,
                "kind": it.kind,
                "lock": it.lock,
                "blocks": list(it.blocks),
                "scanned": it.scanned,
                "rewritten": it.rewritten,
                "live": it.is_live,
                "rows": it.rows,
                "bytes": it.bytes,
            }
            for it in one.touched
        ],
        "objects": [{"object": it.name, "kind": it.kind, "lock": it.lock} for it in one.objects],
        "note": one.note,
    }


def drift_json(result: Drift, *, with_drops: bool) -> dict[str, Any]:
    """A drift for scripts; `wanted` is the files', the other database's or the ORM's, `found` the database's."""
    from sqlrail.verbs.drift import lines_of

    return {
        "against": result.words.name,
        "built": list(result.built),
        "differences": [
            {
                "what": one.what,
                "kind": one.kind,
                "table": one.object.within,
                "name": one.object.name,
                "was": one.was.name if one.was and one.what == "renamed" else None,
                "changes": [
                    {"fact": change.fact or one.kind, "wanted": change.wanted, "found": change.found}
                    for change in one.changes
                ],
                "text": list(lines_of(one, result.words)),
            }
            for one in result.differences
        ],
        "statements": [
            {"sql": one.sql, "loses_data": one.loses} for one in result.statements if not one.is_by_hand
        ],
        "by_hand": [one.sql for one in result.statements if one.is_by_hand],
        "sql": drift_sql(result, with_drops=with_drops),
    }


def doctor_json(result: Health, made: Sequence[New]) -> dict[str, Any]:
    """What is unhealthy for scripts: `now` is for one transaction, behind the relation's cleanup, `later` for none."""
    return {
        "database": result.database,
        "findings": [
            {
                "kind": one.kind,
                "table": one.table,
                "object": one.object,
                "reason": one.reason,
                "advice": one.advice,
                "count": one.count,
                "uncounted": one.uncounted,
                "relation": str(one.relation) if one.relation else None,
                "now": list(one.now),
                "later": list(one.later),
            }
            for one in result.findings
        ],
        "made": [{"id": one.id, "path": str(one.path)} for one in made],
    }


def cleanup_json(result: Cleanup) -> dict[str, Any]:
    """A cleanup for scripts."""
    return {
        "run": result.run,
        "dry_run": result.dry_run,
        "relations": [one.as_json() for one in result.relations],
    }


def restore_json(result: Restore) -> dict[str, Any]:
    """A restore for scripts: `of` is the run whose rows these are, `run` the restore's own."""
    return {
        "run": result.run,
        "of": result.of,
        "relations": [
            {
                "relation": one.relation,
                "restored": one.restored,
                "left": one.left,
                "reasons": [
                    {
                        "table": left.source,
                        "action": left.action,
                        "reason": left.reason,
                        "rows": left.rows,
                        "samples": list(left.samples),
                    }
                    for left in one.reasons
                ],
            }
            for one in result.relations
        ],
        "notes": list(result.notes),
    }


def archive_json(runs: tuple[Run, ...]) -> dict[str, Any]:
    """The archive for scripts; `rows` are those still in it."""
    return {
        "runs": [
            {
                "run": run.id,
                "at": f"{run.at.isoformat()}Z" if run.at else None,
                "verb": run.verb,
                "migration": run.migration,
                "actor": run.actor,
                "relations": run.relations,
                "archived": run.kept,
                "rows": run.rows,
            }
            for run in runs
        ],
        "rows": sum(run.rows for run in runs),
    }


def purge_json(result: Purge) -> dict[str, Any]:
    """A purge for scripts; a run of null deleted nothing."""
    purged = [{"of": of, "rows": number} for of, number in result.purged.items()]
    undated = [{"of": of, "rows": number} for of, number in result.undated.items()]
    return {"run": result.run, "purged": purged, "rows": sum(result.purged.values()), "undated": undated}


def error_json(error: SqlrailError, message: str) -> dict[str, Any]:
    """Every failure for scripts."""
    return {
        "error": {
            "kind": error.kind,
            "message": message,
            "exit_code": error.exit_code,
            "applied": error.applied,
            "rolled_back": error.rolled_back,
            **error.details,
        }
    }
