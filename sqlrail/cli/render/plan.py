"""What a migrate would do, as tables for a terminal or a pull request."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from sqlrail.cli.render import cleanup, html
from sqlrail.cli.render.tables import table
from sqlrail.files.code import FOLDER
from sqlrail.foresight.contract import Judged
from sqlrail.foresight.judged import Check, Loss
from sqlrail.ground.target import Target
from sqlrail.ground.words import Script, counted, printable, rows, size
from sqlrail.verbs.plan_fills import Fill
from sqlrail.verbs.planned import Plan, Planned, PlannedFile, Touched

#: statements, and findings, that people read of one file, and queries that were not judged; the JSON has them all
STATEMENTS, FINDINGS, UNJUDGED = 40, 10, 5
#: what a verdict is to somebody who approves; any other one is slow
_KINDS = {"instant": html.GOOD, "unknown": html.BAD, "fails": html.BAD, "loses data": html.BAD}
#: why a code file is run
_RUN_AS = {
    "new": "new",
    "edited": "edited",
    "dropped": "what it made is gone",
    "applied": "leans on another",
    "missing": "leans on another",
}
_HEADS = ("line", "statement", "does", "lock", "on", "live")


def text(result: Plan, width: int | None) -> str:
    """A table for each pending file, the worst that it does in front, and the sum."""
    lines = []
    for file in result.files:
        lines.append(f"{file.id}: {file.verdict}")
        lines += [f"  {printable(line)}" for line in _grave_lines(file)]
        cells = [tuple(map(printable, row)) for statement in _shown(file) for row in _spread(statement)]
        lines += [f"  {line}" for line in (table(_HEADS, cells, width and width - 2) if cells else [])]
        lines += [f"  {printable(line)}" for line in _more_lines(file)]
    lines += [printable(line) for line in (*_code(result), *_tried(result))]
    lines += [f"note: {printable(note)}" for note in _notes(result)]
    return "\n".join([*lines, _sum(result)])


def markdown(result: Plan) -> str:
    """The same for a comment on a pull request. Whatever is in a name or a statement, it stays in its cell."""
    lines = [f"**{_sum(result)}**", ""]
    for file in result.files:
        lines += [f"### {_cell(file.id)}: {file.verdict}", ""]
        if grave := list(_grave_lines(file)):
            lines += [*(f"- {_cell(line)}" for line in grave), ""]
        cells = [row for statement in _shown(file) for row in _spread(statement)]
        if cells:
            lines += [f"| {' | '.join(_HEADS)} |", f"|{' --- |' * len(_HEADS)}"]
            lines += [f"| {' | '.join(map(_cell, row))} |" for row in cells] + [""]
        if more := _more_lines(file):
            lines += [*(f"- {_cell(line)}" for line in more), ""]
    lines += [f"- {_cell(line)}" for line in (*_code(result), *_tried(result))]
    lines += [f"- {_cell(note)}" for note in _notes(result)]
    return "\n".join(lines).rstrip()


def page(result: Plan, target: Target | None, sources: Mapping[str, str]) -> Script:
    """The same as a file of HTML, with each migration's text by its id, for whoever approves it."""
    parts = [html.paragraph(_sum(result)), html.points(_notes(result), html.SLOW)]
    for file in result.files:
        cells = [row for statement in file.statements for row in _spread(statement)]
        parts += [
            html.heading(file.id, file.verdict, _KINDS.get(file.verdict, html.SLOW)),
            html.points(_grave_lines(file), html.BAD),
            html.table(_HEADS, cells),
            html.points(_more_lines(file)),
            html.listing(file.path, sources.get(file.id, "")),
        ]
    return html.page(
        "What a migrate would do", target, [*parts, html.points([*_code(result), *_tried(result)])]
    )


def _notes(result: Plan) -> Iterator[str]:
    if result.is_empty and result.files:
        yield "the database has no rows in what these files touch: this plan says nothing of production's rows"
    yield from result.notes
    if contract := result.contract:
        yield f"{counted(contract.judged, 'query', 'queries')} of the running release judged"
        shown = contract.unjudged[:UNJUDGED]
        yield from (f"not judged: {query.brief} ({query.place}): {why}" for query, why in shown)
        if hidden := len(contract.unjudged) - len(shown):
            yield f"and {hidden} more not judged (--json has them)"


def _shown(file: PlannedFile) -> list[Planned]:
    """All statements, or of many those first that touch what is live."""
    if len(file.statements) <= STATEMENTS:
        return list(file.statements)
    return [
        statement for statement in file.statements if statement.touched or statement.objects or statement.note
    ][:STATEMENTS]


def _spread(statement: Planned) -> Iterator[tuple[str, ...]]:
    """A row for each relation that a statement touches, for each object that it locks, and for its note."""
    head = [str(statement.line), statement.text]
    for touched in statement.touched:
        yield (*head, _does(touched, statement), touched.lock or "", touched.relation, _live(touched))
        head = ["", ""]
    for locked in statement.objects:
        yield (*head, f"blocks {locked.blocks}", locked.lock, locked.name, locked.kind)
        head = ["", ""]
    if statement.note or not (statement.touched or statement.objects):
        yield (*head, statement.note or "", "", "", "")


def _grave_lines(file: PlannedFile) -> Iterator[str]:
    """What goes, and what does not pass: in front of all else."""
    for statement in file.statements:
        for loss in statement.losses:
            yield f"{_place(statement)} loses {loss.what}: {_lost(loss)}"
    for statement in file.statements:
        if statement.fails:
            yield f"{_place(statement)} fails on this database: {statement.fails}"
    yield from (_query(one) for one in file.queries or () if one.verdict == "breaks")


def _query(judged: Judged) -> str:
    query = judged.query
    calls = f", {counted(query.calls, 'call')}" if query.calls else ""
    words = {"breaks": "breaks the running release's", "stale": "makes stale", "may break": "may break"}
    return f"{words[judged.verdict]} {query.brief} ({query.place}{calls}): {judged.says}"


def _lost(loss: Loss) -> str:
    number = "rows not counted" if loss.rows is None else rows(loss.rows)
    end = f"because {loss.because}" if loss.because else f"if it is meant: `{loss.remedy}`"
    return f"{number} ({loss.kind}), {end}"


def _place(statement: Planned) -> str:
    return f"{statement.line}:{statement.column}"


def _does(touched: Touched, statement: Planned) -> str:
    work = "rewrites" if touched.rewritten else "scans" if touched.scanned else ""
    blocks = f"blocks {' and '.join(touched.blocks)}" if touched.blocks else ""
    is_held = touched.rewritten or statement.verdict == "blocks"
    if touched.is_work and not statement.blocks and is_held:
        blocks = "under earlier locks"
    return ", ".join(filter(None, [work, blocks]))


def _live(touched: Touched) -> str:
    if not touched.is_live:
        return "not there"
    if touched.kind in ("view", "sequence"):
        return touched.kind
    number = "rows not counted" if touched.rows is None else rows(touched.rows)
    return f"{number}, {size(touched.bytes or 0)}"


def _check_lines(file: PlannedFile) -> Iterator[str]:
    """What live rows are in the way of, and what is not known of them; and how much else they let pass."""
    checks = [(statement.line, check) for statement in file.statements for check in statement.checks]
    told = [(line, check) for line, check in checks if check.verdict != "passes" or check.unless]
    yield from (f"line {line} {_check(check)}" for line, check in told)
    if passing := len(checks) - len(told):
        yield f"live rows let {counted(passing, 'other check' if told else 'check')} pass"


def _check(check: Check) -> str:
    what = f"{check.kind} {check.name}" if check.name else f"{check.kind} of {', '.join(check.columns)}"
    if check.verdict == "unknown":
        return f"unknown: {what}, {check.relation}: {check.why}"
    says = f"{'rows' if check.rows is None else rows(check.rows)} of {check.relation}{_keys(check)}: {check.says}"
    if check.verdict == "passes":
        return f"passes behind {check.unless}: {says}"
    unless = f" unless {check.unless} mends it" if check.verdict == "fails unless" else ""
    remedy = f"; a way out: {check.remedy}" if check.remedy else ""
    return f"fails{unless}: {says}{remedy}"


def _keys(check: Check) -> str:
    """The primary keys that are known of rows in the way: `, id 3, 7 …`."""
    if not check.keys:
        return ""
    names = list(check.keys[0])
    values = [", ".join(key.values()) for key in check.keys]
    shown = ", ".join(values if len(names) == 1 else [f"({it})" for it in values])
    more = " …" if check.rows and check.rows > len(check.keys) else ""
    return f", {', '.join(names)} {shown}{more}"


def _more_lines(file: PlannedFile) -> list[str]:
    lines = list(_check_lines(file))
    if file.queries is not None:
        lines += [_query(one) for one in file.queries if one.verdict != "breaks"]
        lines.append(_phase(file))
    lines += [f"{_place(one)} {notice}" for one in file.statements for notice in one.notices]
    if file.code:
        named = ", ".join(f"{FOLDER}/{name}" for name in file.code)
        verb = "is" if len(file.code) == 1 else "are"
        lines.append(f"in front of it {named} {verb} dropped, and made again behind it")
    lines += [
        f"cleanup of {'; '.join([cleanup.line(relation), *cleanup.before(relation)])}"
        for relation in file.cleanup
    ]
    if file.backfill is not None:
        lines.append(_fill(file.backfill))
    shown = file.findings[:FINDINGS]
    lines += [
        f"{finding.line}:{finding.column} {finding.rule}: {finding.message} Safer: {finding.remedy}."
        for finding in shown
    ]
    if hidden := len(file.findings) - len(shown):
        lines.append(f"and {counted(hidden, 'more finding')} (`lint` has them)")
    if hidden := len(file.statements) - len(_shown(file)):
        lines.append(f"and {counted(hidden, 'more statement')} (--json has them)")
    return lines


def _phase(file: PlannedFile) -> str:
    """When a file may be applied, by what it does to the release that is running."""
    if file.phase == "after" and file.says_phase == "after":
        return "`migrate --phase after` applies it, once no instance of the running release is left"
    if file.phase == "after":
        return "belongs behind the deployment: `-- phase: after`"
    if file.phase == "before":
        return "the queries of the running release that were judged hold behind it"
    return "none of the judged queries breaks behind it; look at the ones named here before the deployment"


def _fill(fill: Fill) -> str:
    """How long a backfill goes on, as far as it is known."""
    number = "rows not counted" if fill.rows is None else f"about {rows(fill.rows)}"
    done = f", {fill.done:,} of them walked over already" if fill.done else ""
    what = f"backfill of {fill.table}: {number}{done}"
    if fill.why is not None:
        return f"{what}; {fill.why}"
    if fill.rows is None and fill.is_there:
        return f"{what}; `ANALYZE {fill.table}` estimates them, and `plan --sample` then says for how long"
    if fill.batches is None or fill.seconds is None:
        return f"{what}; `plan --sample` says for how long, by batches that it rolls back"
    known = (
        "those that are done"
        if not fill.sampled
        else f"{counted(fill.sampled, 'batch', 'batches')} that went back"
    )
    time = timedelta(seconds=math.ceil(fill.seconds))
    return f"{what}, in about {counted(fill.batches, 'batch', 'batches')} and {time}, by {known}"


def _tried(result: Plan) -> list[str]:
    trial = result.trial
    lines = []
    if trial.tables:
        lines.append(f"tried over a copy of the rows of {', '.join(trial.tables)} ({size(trial.bytes)})")
    return lines + [f"{id_} was not tried: {why}" for id_, why in trial.not_tried.items()]


def _code(result: Plan) -> list[str]:
    """What is run of the code files, in its order, behind all else, and what that does to queries."""
    found = result.contract.files.get(None, ()) if result.contract else ()
    judged = [f"what runs behind all migrations {_query(one)}" for one in found]
    if not result.code:
        return judged
    named = ", ".join(f"{FOLDER}/{name} ({_RUN_AS[state]})" for name, state in result.code)
    return [f"then, in one transaction, {counted(len(result.code), 'code file')}: {named}", *judged]


def _sum(result: Plan) -> str:
    if not result.files and result.code:
        return f"no migration pending, {counted(len(result.code), 'code file')} to run; nothing was changed"
    if not result.files:
        return f"nothing to plan: {result.applied} applied, none pending"
    verdicts = [file.verdict for file in result.files]
    parts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    if breaking := sum(file.phase == "after" for file in result.files):
        parts += f"; {breaking} of them break the running release"
    return f"{len(verdicts)} pending: {parts}; rehearsed on PostgreSQL {result.rehearsed}, and nothing was changed"


def _cell(text: str) -> str:
    """Text that Markdown leaves as it is: no markup, link or line end, and as code no mention of anybody."""
    text = printable(text)
    plain = re.sub(r"[^\w\s.,%()='/-]|_", lambda match: f"&#{ord(match[0])};", text)
    return f"<code>{plain}</code>" if plain != text else text
