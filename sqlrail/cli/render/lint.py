"""What a lint has found, for people and for a workflow's log."""

from __future__ import annotations

import re
from itertools import groupby

from sqlrail.ground.words import counted, printable, visible
from sqlrail.verbs.lint import Finding, Linted


def text(result: Linted) -> str:
    """Every finding with its place and the safer way, file by file, and the sum."""
    lines = []
    for path, findings in groupby(result.findings, key=lambda finding: finding.path):
        for finding in findings:
            lines += [
                f"{printable(str(path))}:{finding.line}:{finding.column}: {finding.rule}: {finding.message}",
                f"    safer: {finding.remedy}",
            ]
        lines.append("")
    return "\n".join([*lines, _sum(result)])


def github(result: Linted) -> str:
    """Every finding as a command that annotates its line, and the sum; a workflow's log reads both."""
    return "\n".join([*(_annotation(finding) for finding in result.findings), _sum(result)])


def _sum(result: Linted) -> str:
    found = sum(not finding.is_notice for finding in result.findings)
    return (
        f"{counted(found, 'finding') if found else 'no findings'} in {counted(result.files, 'file')}"
        if result.files
        else "nothing to lint"
    )


def _annotation(finding: Finding) -> str:
    values = {
        "file": visible(str(finding.path)),
        "line": finding.line,
        "col": finding.column,
        "title": finding.rule,
    }
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in values.items())
    level = "notice" if finding.is_notice else "warning"
    return f"::{level} {properties}::{_escaped(f'{finding.message} Safer: {finding.remedy}')}"


def _escaped(text: str, more: str = "") -> str:
    # As GitHub's own toolkit does it: docs.github.com/actions/reference/workflow-commands-for-github-actions
    return re.sub(rf"[%\r\n{more}]", lambda found: f"%{ord(found[0]):02X}", text)
