"""Writes the pages of docs/reference that are made from the code: each verb with its flags, each setting, each error.

python tests/support/reference.py
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from sqlrail import errors
from sqlrail.cli import flags
from sqlrail.cli.verb import load, names
from sqlrail.errors import SqlrailError
from sqlrail.ground.settings import SETTINGS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
MADE = "\n*This page is made from the code.*\n"
COMPLETION = """\
A Tab completes verbs, flags and migrations: `eval "$(sqlrail completion bash)"` in `.bashrc`, the same with `zsh` in
`.zshrc` behind `compinit`, and for fish `sqlrail completion fish > ~/.config/fish/completions/sqlrail.fish`."""
SETTINGS_HEAD = """\
# Settings

Flags go before the environment, that before `.env` in the working folder, that before the default. Durations take a
unit: ms, s, min, h, d. Which database is `DATABASE_URL`, or what libpq reads of its own (PGHOST, PGSERVICE, PGPASSFILE
and so on); [connecting](../connecting.md) has its forms.

"""
ERRORS_HEAD = """\
# Errors and exit codes

| exit code | |
|---|---|
| 0 | done |
| 1 | the database or a migration failed |
| 2 | wrong usage, settings or file: nothing was run |
| 3 | refused, by a guard or by the history: nothing of it was changed |
| 4 | `--check` found something |
| 130, 143 | interrupted by SIGINT or SIGTERM |

With `--json` an error is a document of [error.json](json/error.json); in an application it is an exception of
`sqlrail.errors`.

"""


def pages() -> dict[str, str]:
    """The pages' texts, by their names."""
    return {"verbs.md": _verbs(), "settings.md": _settings(), "errors.md": _errors()}


def _verbs() -> str:
    common = argparse.ArgumentParser(add_help=False)
    flags.add_common(common)
    parts = [
        "# Verbs and flags",
        "`sqlrail VERB [FLAGS]`, or `python runner.py VERB [FLAGS]`. What `--json` prints: [json](json/README.md).",
        COMPLETION,
        *(_verb(name) for name in names()),
        "## Flags of every verb",
        "In front of the verb or behind it.",
        "\n".join(_flags(common)),
    ]
    return "\n\n".join(parts) + "\n" + MADE


def _verb(name: str) -> str:
    verb, parser = load(name), argparse.ArgumentParser(prog=f"sqlrail {name}", add_help=False)
    verb.add_arguments(parser)
    told = verb.help[0].upper() + verb.help[1:]
    return "\n\n".join(filter(None, [f"## {name}", f"{told}.", "\n".join(_flags(parser))]))


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A table of what the parser takes; of a word that chooses, what each choice takes."""
    actions = [action for group in parser._action_groups for action in group._group_actions]
    if actions:
        yield from ("| | |", "|---|---|")
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice, inner in action.choices.items():
                yield _row(f"`{choice}`", inner.description or "")
                yield from [*_flags(inner)][2:]
        else:
            yield _row(_spelt(action), (action.help or "") % {**vars(action), "prog": parser.prog})


def _spelt(action: argparse.Action) -> str:
    values = action.metavar or ("|".join(map(str, action.choices)) if action.choices else None)
    value = f" {values}" if values and action.nargs != 0 else ""
    names = [it for it in action.option_strings if it != "-h"]
    return ", ".join(f"`{name}{value}`" for name in names) or f"`{action.metavar or action.dest}`"


def _settings() -> str:
    rows = [
        _row(
            f"`{row.variable}`",
            re.sub(r" \(default: .*\)$", "", row.note),
            f"`{row.default}`" if row.default else "",
        )
        for row in SETTINGS.values()
        if not row.is_of_one_run
    ]
    return SETTINGS_HEAD + "\n".join(["| | | default |", "|---|---|---|", *rows, MADE])


def _errors() -> str:
    kinds = {*_subclasses(SqlrailError)} - {errors.Interrupted}  # whose exit code is its signal's
    codes = {
        kind: str(kind.exit_code) for kind in sorted(kinds, key=lambda kind: (kind.exit_code, kind.__name__))
    }
    rows = [
        _row(f"`{_kind(kind)}`", f"`{kind.__name__}`", code, " ".join((kind.__doc__ or "").split()))
        for kind, code in {**codes, errors.Interrupted: "130, 143"}.items()
    ]
    return ERRORS_HEAD + "\n".join(["| `kind` | class | exit code | |", "|---|---|---|---|", *rows, MADE])


def _subclasses(kind: type[SqlrailError]) -> Iterator[type[SqlrailError]]:
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
        yield from _subclasses(each)


def _kind(kind: type[SqlrailError]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
