"""What is unhealthy, table by table, with what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sqlrail.ground.words import counted, printable, rows
from sqlrail.verbs.doctor import Finding, Health


def text(result: Health, *, of_many: bool = False) -> str:
    """What is unhealthy, table by table, with what mends it, and how much there is.

    of_many: where the database is named elsewhere.
    """
    lines = []
    in_order = sorted(result.findings, key=lambda finding: finding.table)
    for table, findings in groupby(in_order, key=lambda finding: finding.table):
        lines += [
            printable(table),
            *(f"  {line}" for finding in findings for line in _finding_lines(finding)),
        ]
    number = len(result.findings)
    end = counted(number, "finding") if number else "nothing unhealthy"
    lines.append(end if of_many else f"{end} in {printable(result.database)}")
    if result.made:
        lines += [f"made {file.path}: read it before you run it" for file in result.made]
    elif not of_many and any(finding.is_mended for finding in result.findings):
        lines.append("--write makes new migrations of the SQL")
    return "\n".join(lines)


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"{printable(finding.object)}: {printable(finding.reason)}"
    if finding.uncounted:
        yield f"  not counted: {printable(finding.uncounted)}"
    elif finding.count is not None:
        where = "in it" if finding.kind == "old_archive" else "in the way"
        what = "without a parent" if finding.relation else where
        yield f"  {rows(finding.count)} {what}"
    if finding.advice:
        yield f"  note: {printable(finding.advice)}"
    if finding.is_mended and finding.cleans:
        yield f"    -- cleanup: {finding.relation}"
    for sql in (*finding.now, *finding.later):
        # In a name, a blank in front of a line would be one more character.
        yield f"    {sql};" if sql.isprintable() else "    (SQL of several lines: --json or --write has it)"
