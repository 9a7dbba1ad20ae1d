"""A verb for each of many tenants: how it is begun, what is said meanwhile, and how it ends."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sqlrail.cli.board import Board
from sqlrail.cli.render import tenants as render
from sqlrail.cli.render.tenants import few
from sqlrail.cli.signals import on_interrupt
from sqlrail.cli.talk import Talk, width
from sqlrail.cli.verb import OK, Result, Run, Verb, idle
from sqlrail.errors import Interrupted, UsageError
from sqlrail.ground.events import Event, Noted, Said
from sqlrail.ground.names import unqualified
from sqlrail.ground.settings import Settings
from sqlrail.ground.values import folder
from sqlrail.tenants import databases
from sqlrail.tenants.alike import first_of_each, like_their_leaders
from sqlrail.tenants.limits import Limits
from sqlrail.tenants.round import Round, TenantListener
from sqlrail.tenants.schemas import Schemas
from sqlrail.tenants.tenant import Done, Ended, Outcome, Tenant
from sqlrail.tenants.totals import Rounded, in_order
from sqlrail.verbs.many import Many

if TYPE_CHECKING:
    from sqlrail.results.status import StatusResult

#: flags of single verbs that have no meaning for many tenants, and why
ALONE = {
    "schema_file": "it is one file, and the tenants are many",
    "write": "the files are the same for all tenants: look at one tenant alone",
    "print_sql": "it is one script, and the tenants are many",
    "orm": "it looks at a scratch database, and at no tenant",
    "against": "it is one database, and the tenants are many",
}
#: the same where the tenants are schemas
ALONE_IN_SCHEMAS = {
    "schema": "it is the tenant's own",
    "exclude_schema": "it is the tenant's own that is compared",
}
#: of those who were in hand when the second signal came
CUT = (
    "interrupted twice: its connection was closed, so that the server rolls back what was under way. `status` says "
    "what was committed."
)


def run(
    options: argparse.Namespace, verb: Verb, settings: Settings, talk: Talk
) -> Result[Mapping[str, object]]:
    """Calls the verb for each tenant; its exit code, JSON and text are those of all together."""
    for flag, why in ALONE.items():
        idle(options, flag, why)
    _refuse_to_ask(options)
    settings = replace(settings, schema_file=None)
    if options.each_database is not None:
        idle(options, "database_url", "--each-database names the databases")
        idle(options, "shared", "it is for the schemas of one database, and goes with --each")
        tenants = databases.of_file(options.each_database, settings)
        rounded = _over_databases(options, verb, tenants, talk)
    else:
        rounded = _over_schemas(options, verb, settings, talk)
    return rounded.exit_code, rounded.as_json(), render.text(rounded, width())


def _over_databases(options: argparse.Namespace, verb: Verb, tenants: list[Tenant], talk: Talk) -> Rounded:
    if options.verb != "plan":
        return _go(options, verb.of_databases() if verb.of_databases else verb.run, tenants, talk)
    seen = _go(options, _look, tenants, talk)
    if seen.signal is not None or seen.left:
        return seen
    leaders = [outcome.tenant for outcome in first_of_each(seen.outcomes)]
    alone = argparse.Namespace(**{**vars(options), "canary": None, "waves": None})
    return like_their_leaders(seen, _go(alone, verb.run, leaders, talk))


def _look(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[StatusResult]:
    """Where a tenant is."""
    from sqlrail.verbs.apply import status

    del options
    return OK, status(settings, talk).as_json(), ""


def _over_schemas(options: argparse.Namespace, verb: Verb, settings: Settings, talk: Talk) -> Rounded:
    for flag, why in ALONE_IN_SCHEMAS.items():
        idle(options, flag, why)
    shared = _shared(options, verb, settings, talk)
    schemas = Schemas(options.each, settings, talk)
    tenants = schemas.tenants()
    if verb.of_many is None:
        return _go(options, verb.run, tenants, talk, schemas.later)
    with ExitStack() as ends:
        many = ends.enter_context(Many(settings, talk))
        many.survey([tenant.name for tenant in tenants])
        work = verb.of_many(options, many)

        def turn(options: argparse.Namespace, settings: Settings, talk: Talk) -> Result[Mapping[str, object]]:
            if isinstance(talk, _TenantTalk):
                talk.listener.version = many.newest(str(settings.tenant))
            return work(options, settings, talk)

        def over(tenant: Tenant) -> object:
            return verb.over(options, many, tenant.name)

        rounded = _go(options, turn, tenants, talk, schemas.later, over)
        if rounded.is_cut:
            ends.pop_all()  # threads are at work on its connections
        return replace(rounded, shared=shared)


def _shared(options: argparse.Namespace, verb: Verb, settings: Settings, talk: Talk) -> Done | None:
    """What is for all tenants: the files of a folder of its own, in the database itself."""
    if getattr(options, "shared", None) is None:
        return None
    its = replace(settings, migrations=folder(options.shared))
    alone = argparse.Namespace(**{**vars(options), "to": None})  # --to names a file of the tenants
    code, document, text = verb.run(alone, its, talk)
    return Done(document, code, text)


def _go(
    options: argparse.Namespace,
    work: Run,
    tenants: list[Tenant],
    talk: Talk,
    later: Callable[[], list[Tenant]] = list,
    over: Callable[[Tenant], object] = lambda _: None,
) -> Rounded:
    def turn(tenant: Tenant, listener: TenantListener) -> Done:
        return _turn(options, work, tenant, listener)

    round_ = Round(turn, _limits(options), later, over)
    on_interrupt(lambda number: _stop(round_, number, talk), times=2)
    return _look_on(round_, tenants, talk)


def _stop(round_: Round, number: int, talk: Talk) -> None:
    is_first = round_.signal is None
    round_.stop(number)
    if is_first:  # the next signal may come while this is being written, and must not write as well
        talk(
            Said(
                f"interrupted: ends behind the files in hand ({few([*round_.in_hand])}); once more, and it ends at once"
            )
        )


def _refuse_to_ask(options: argparse.Namespace) -> None:
    """UsageError where somebody at a terminal would be asked for each tenant."""
    asks = options.verb == "repair" or getattr(options, "action", None) == "purge"
    if asks and not options.yes:
        raise UsageError("nobody can be asked for each of many tenants: say --yes.")


def _limits(options: argparse.Namespace) -> Limits:
    return Limits(
        canaries=tuple(options.canary or ()),
        waves=options.waves or (),
        parallel=options.parallel or Limits.parallel,
        max_failed=options.max_failed,
    )


def _look_on(round_: Round, tenants: list[Tenant], talk: Talk) -> Rounded:
    """Goes through the round, and tells of it."""
    outcomes = list[Outcome]()
    with closing(Board(talk, len(tenants))) as board:
        for happening in round_.run(tenants):
            board(happening, round_.in_hand)
            if isinstance(happening, Ended):
                outcomes.append(happening.outcome)
    cut = Interrupted(round_.signal or 0, CUT)
    outcomes += [Outcome(tenant, 0, None, cut) for tenant in round_.in_hand.values()]
    names = [tenant.name for tenant in tenants]
    return Rounded(
        in_order(outcomes, names), tuple(round_.left), round_.held, round_.signal, is_cut=bool(round_.in_hand)
    )


def _turn(options: argparse.Namespace, work: Run, tenant: Tenant, listener: TenantListener) -> Done:
    talk = _TenantTalk(tenant.settings, listener)
    for note in tenant.settings.notes:
        talk(Noted(note))
    code, document, text = work(options, tenant.settings, talk)
    if tenant.settings.tenant is not None:
        text = unqualified(text, tenant.name)
    if options.verb in ("migrate", "backfill"):
        text = ""  # versions say it all
    if options.verb == "status":
        return _of_status(cast("StatusResult", document), code, listener)
    return Done(document, code, text)


def _of_status(document: StatusResult, code: int, listener: TenantListener) -> Done:
    """The version alone, in the place of the table, what is ahead of it, and what is wrong."""
    applied = [entry["id"] for entry in document["migrations"] if entry["state"] in ("applied", "edited")]
    listener.version = applied[-1] if applied else None
    newer = [entry["id"] for entry in document["migrations"] if entry["state"] == "ahead"]
    ahead = [f"ahead of this folder by {', '.join(newer)}"] if newer else []
    return Done(document, code, "\n".join([*ahead, *(it["message"] for it in document["problems"])]))


class _TenantTalk(Talk):
    """Prints nothing: hands on what it is told to the thread that looks on."""

    def __init__(self, settings: Settings, listener: TenantListener) -> None:
        super().__init__(as_json=True)
        self.settings, self.listener = settings, listener

    def __call__(self, event: Event) -> None:
        self.listener(event)

    def on_interrupt(self, handle: Callable[[int], None]) -> None:
        """The listener ends a verb."""

    def is_like(self, name: str) -> None:
        self.listener.like = name

    def say(self, text: str) -> None:
        self.listener(Said(text))
