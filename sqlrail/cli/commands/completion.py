"""`sqlrail completion`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb
from sqlrail.ground.settings import Settings
from sqlrail.ground.words import Script

if TYPE_CHECKING:
    from sqlrail.results.completion import CompletionResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell", choices=("bash", "zsh", "fish"), help='bash, zsh: eval "$(sqlrail completion bash)"'
    )


def _run(options: argparse.Namespace, _: Settings, __: Talk) -> Result[CompletionResult]:
    from sqlrail.cli.completing import script

    text = script(options.shell)
    return OK, {"shell": options.shell, "script": text}, Script(text)


VERB = Verb(
    "print what a shell reads to complete verbs, flags and migrations",
    _run,
    _add_arguments,
    needs_database=lambda _: False,
)
