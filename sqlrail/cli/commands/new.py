"""`sqlrail new`"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlrail.cli import flags
from sqlrail.cli.talk import Talk
from sqlrail.cli.verb import OK, Result, Verb, idle
from sqlrail.errors import UsageError
from sqlrail.ground.events import Said
from sqlrail.ground.settings import Settings
from sqlrail.ground.values import PHASES

if TYPE_CHECKING:
    from sqlrail.ground.relation import Relation
    from sqlrail.results.new import NewResult


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what it does, as in 'add users'")
    parser.add_argument(
        "--key",
        metavar="RELATION",
        help="'child.column -> parent.key': add this foreign key NOT VALID, and validate it in a second file; with "
        "`delete`, `set null` or `set default` behind it, which is what becomes of orphans now and later",
    )
    parser.add_argument(
        "--timestamp", action="store_true", help="number it by the time in UTC, and not by what is there"
    )
    parser.add_argument("--phase", choices=PHASES, help="of a deployment: after writes `-- phase: after`")
    flags.add(parser, "template")


def _run(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[NewResult]:
    from sqlrail.verbs import new

    key = None if options.key is None else _key(options.key)
    if key is not None:
        idle(options, "phase", "what --key writes is for the phase before")
        idle(options, "template", "--key writes the whole file")
    made = new.new(
        settings.migrations, options.name, key=key, timestamp=options.timestamp, template=settings.template,
        phase=options.phase or PHASES[0],
    )  # fmt: skip
    if made[0].is_first:
        talk(Said(f"made the folder {settings.migrations}"))
    for one in made:
        if one.wider_than:
            talk(
                Said(
                    f"{one.id} sorts before {one.wider_than}, for its number has a digit more: "
                    "its `-- depends:` keeps it behind"
                )
            )
    lines = [f"made {path}" for one in made for path in (one.path, one.rollback)]
    return OK, new.as_json(made), "\n".join(lines)


def _key(text: str) -> Relation:
    from sqlrail.ground.relation import Relation

    if not text.isprintable():  # it stands in a comment, which a line's end would end
        raise UsageError("--key has a character that cannot be printed.")
    try:
        return Relation.parse(text)
    except ValueError as exc:
        raise UsageError(f"--key: {exc}.") from exc


VERB = Verb(
    "make the next numbered file and its rollback, and the folder if there is none",
    _run,
    _add_arguments,
    needs_database=lambda _: False,
)
