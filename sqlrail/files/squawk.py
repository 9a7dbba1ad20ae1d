"""squawk, the linter: found beside the running Python, configured here, given text and never a name.

https://squawkhq.com has its rules. What its own comments say (`squawk-ignore`) does not count, for they give no reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlrail.errors import BadFile, MissingPrerequisite

#: where a project says which rules are not its own, and which of those that are off it wants
CONFIG = Path(".squawk.toml")
DOCS = "https://squawkhq.com/docs/"
#: what squawk calls a statement that it cannot read
SYNTAX = "syntax-error"
#: seconds for a file; 15 MB take 2
PATIENCE = 60.0
#: rules that are off, for what they ask for is done already, and how
OFF = {
    "require-lock-timeout": "every file runs under --lock-timeout, gives way and is tried again",
    "require-statement-timeout": "--statement-timeout, or `-- statement-timeout:` in the file, sets it",
    "prefer-robust-stmts": "a file that fails is rolled back, or continues after its last statement that is done",
}
OUTSIDE = "in a file that begins with `-- transactional: false`"
LATER = "add it NOT VALID here, and VALIDATE CONSTRAINT in the next file"
_BY_INDEX = (
    f"CREATE UNIQUE INDEX CONCURRENTLY {OUTSIDE}, then ADD CONSTRAINT ... {{}} USING INDEX in the next one"
)
#: the safer way where squawk names none, or one that takes more than one file here
_REMEDIES = {
    "adding-field-with-default": "add it without the default, SET DEFAULT for new rows, then fill the old ones in "
    "batches; instead of a generated column take a plain one and a trigger",
    "adding-foreign-key-constraint": f"{LATER}, as `sqlrail new NAME --key 'child.column -> parent.key'` writes them",
    "adding-not-nullable-field": "add CHECK (... IS NOT NULL) NOT VALID here, VALIDATE CONSTRAINT in the next file, "
    "and SET NOT NULL in the one after that: it trusts the check, and reads no row",
    "adding-required-field": "give it a default that is not volatile, or add it nullable and fill it first",
    "adding-serial-primary-key-field": _BY_INDEX.format("PRIMARY KEY"),
    "ban-alter-domain-with-add-constraint": "put the CHECK on the columns, NOT VALID at first",
    "ban-char-field": "use text",
    "ban-concurrent-index-creation-in-transaction": "begin the file with `-- transactional: false`, and put what "
    "needs a transaction into another",
    "ban-create-domain-with-constraint": "put the CHECK on the columns",
    "ban-duplicate-column-assignments": "keep one of them",
    "changing-column-type": "add a column of the new type, fill it in batches, let the application go over to it, and "
    "drop the old one",
    "constraint-missing-not-valid": LATER,
    "disallowed-unique-constraint": _BY_INDEX.format("UNIQUE"),
    "identifier-too-long": "choose a name of 63 bytes or less",
    "require-concurrent-index-creation": f"CREATE INDEX CONCURRENTLY, {OUTSIDE}",
    "require-concurrent-index-deletion": f"DROP INDEX CONCURRENTLY, {OUTSIDE}",
    "require-concurrent-partition-detach": f"DETACH PARTITION ... CONCURRENTLY, {OUTSIDE}",
    "require-concurrent-reindex": f"REINDEX ... CONCURRENTLY, {OUTSIDE}",
}
#: the same for what breaks those who still use what goes, or goes by another name from now on
_BREAKING = "first release the application that does without it, then run this"
#: A rule that says of some constraints what others say better (a unique one cannot be NOT VALID), and those others.
_SAID_LESS_WELL = "constraint-missing-not-valid"
_SAID_BETTER = (
    "adding-foreign-key-constraint",
    "adding-serial-primary-key-field",
    "disallowed-unique-constraint",
)


@dataclass(frozen=True)
class Remark:
    """What squawk says of a place in a text, which is given in bytes, and the safer way."""

    start: int
    end: int
    rule: str
    message: str
    remedy: str


class Squawk:
    """The program, for a major of the server; None is the one that the configuration says, or squawk itself."""

    def __init__(self, version: int | None) -> None:
        config = CONFIG.absolute() if CONFIG.exists() else Path("/dev/null")
        self._command = [str(find()), "--reporter=json", f"--config={config}"]
        self._command += [] if version is None else [f"--pg-version={version}.0"]
        self.knows = cache(self._knows)

    def _knows(self, rule: str) -> bool:
        """Whether there is such a rule."""
        return self._run(b"", f"--exclude={rule}").returncode != 2

    def ask(self, text: bytes, *, transactional: bool) -> list[Remark] | None:
        """What it says of a text of SQL; None if it came to grief over it.

        BadFile for a configuration that it does not take.
        """
        # Neither its own directives nor line ends of other systems, of the same length. The only statement of a file
        # it would let pass though it refuses a transaction.
        sent = text.replace(b"squawk-", b"squawk_").replace(b"\r\n", b" \n").replace(b"\r", b"\n")
        mode = "" if transactional else "no-"
        try:
            done = self._run(sent + b"\n;SELECT 1;\n", f"--{mode}assume-in-transaction")
        except subprocess.TimeoutExpired:
            return None
        if done.returncode not in (0, 1, 2):  # a panic, or a signal
            return None
        try:
            return _curated(_remarks(sent, done.stdout))
        except ValueError:
            reason = next(
                iter(done.stderr.decode(errors="replace").strip().splitlines()), "it does not say why"
            )
            where = f"{CONFIG}: squawk does not take it" if CONFIG.exists() else "squawk does not run"
            raise BadFile(f"{where}: {reason}.") from None

    def _run(self, text: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        command = [*self._command, *options]
        try:
            # Nothing of our environment is its business, DATABASE_URL least of all.
            return subprocess.run(
                command, input=text, capture_output=True, env={}, timeout=PATIENCE, check=False
            )
        except OSError as exc:
            raise MissingPrerequisite(f"{command[0]} does not run: {exc.strerror}.") from exc


def find() -> Path:
    """The program that was installed with the running Python, whatever PATH says; MissingPrerequisite without it."""
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    for scheme in schemes:
        program = Path(sysconfig.get_path("scripts", scheme)) / "squawk"
        if program.exists():
            return program
    raise MissingPrerequisite("squawk, the linter, is not installed here: pip install 'sqlrail[lint]'.")


def _remarks(text: bytes, answer: bytes) -> list[Remark]:
    lines = [0, *(match.end() for match in re.finditer(rb"\n", text))]

    def offset(line: int, column: int) -> int:
        return min(lines[min(line, len(lines) - 1)] + column, len(text))

    return [
        Remark(
            offset(one["line"], one["column"]), offset(one["line_end"], one["column_end"]),
            one["rule_name"], one["message"], _remedy(one["rule_name"], one["help"]),
        )
        for one in json.loads(answer)
    ]  # fmt: skip


def _remedy(rule: str, help_: str | None) -> str:
    breaking = _BREAKING if rule.startswith(("ban-", "renaming-")) else f"see {DOCS}{rule}"
    return _REMEDIES.get(rule) or help_ or breaking


def _curated(remarks: list[Remark]) -> list[Remark]:
    better = {remark.end for remark in remarks if remark.rule in _SAID_BETTER}
    return [
        remark
        for remark in dict.fromkeys(remarks)
        if remark.rule not in OFF and not (remark.rule == _SAID_LESS_WELL and remark.end in better)
    ]
