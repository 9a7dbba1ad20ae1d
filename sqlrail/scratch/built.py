"""Files built on a scratch database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from yoyo.migrations import MigrationList

from sqlrail.engine.backend import Backend
from sqlrail.engine.operation import Apply
from sqlrail.engine.store import Store
from sqlrail.files.code import Code, by_path
from sqlrail.files.file import File, check_files
from sqlrail.ground.events import Listener, Noted, nobody
from sqlrail.ground.settings import Settings
from sqlrail.postgres.connect import Connection, connect
from sqlrail.scratch import roles
from sqlrail.scratch.confined import Missing, confined
from sqlrail.scratch.provided import NONE, Provided, provide, texts
from sqlrail.scratch.scratch import scratch
from sqlrail.scratch.shared import make_shared, shard_alike

#: places that are named where there are many
SHOWN = 5


class Build(Apply):
    """Applies files to a scratch database, and refuses to keep what they change for the whole server."""

    fills = False

    def guard(self, store: Store) -> bytes:
        return store.message("refuse_shared", shared=store.message("_shared"))


class Built(NamedTuple):
    """A scratch database on which files have run, and what it cannot have."""

    backend: Backend
    missing: Missing

    @property
    def connection(self) -> Connection:
        return self.backend.connection


@contextmanager
def built(
    settings: Settings,
    listener: Listener,
    files: Mapping[str, File],
    migrations: MigrationList,
    provided: Sequence[Provided] = (),
    code: Sequence[Code] = (),
) -> Iterator[Built]:
    """A scratch database on which these have run, and code files; `files` has more where it is to go on.

    Raises NoScratch, and what a migrate raises.
    """
    ids = [migration.id for migration in (*migrations, *migrations.post_apply)]
    check_files(files[id_] for id_ in ids)
    check_files(code)
    said = texts({**files, **by_path(code)})
    new = roles.made_by(said)
    wanted = _roles_among(settings, roles.named(said))
    with scratch(settings, listener, wanted) as there:
        found = _roles_among(there, wanted | new)
        if provided:
            with closing(connect(there)) as connection:
                provide(connection, provided, listener)
        if settings.tenant is not None:
            make_shared(settings, there, [it.name for it in provided if it.kind == "schema"], listener)
            shard_alike(settings, there, listener)
        without = {it.name: it.schema for it in provided if it.kind == NONE}
        missing = Missing(wanted - found, without, set(filter(None, without.values())))
        own = {id_: confined(files[id_], missing._replace(roles=(wanted | new) - found)) for id_ in ids}
        if places := [place for one in own.values() for place in one.passed_over]:
            _say_passed_over(places, listener)
        to_run = {id_: own[id_].file if id_ in own else file for id_, file in files.items()}
        with Backend(there, nobody, to_run) as backend:
            backend.prepare()
            runner = backend.runner(Build(migrations))
            runner.apply(migrations)
            runner.run_code(_confined_code(code, missing._replace(roles=(wanted | new) - found)))
            if migrations:
                runner.run_post_apply(migrations)
            yield Built(backend, missing)


def make_code(live: Backend, scratch: Backend) -> None:
    """Records on the scratch database what code files have made on the live one, of which it has the objects."""
    records = live.read_code()
    if not records:
        return
    texts, options = live.read_code_texts(), dict(live.look_up("code_options"))
    with scratch.locked():
        if text := scratch.own_tables():
            scratch.ask(text)
            scratch.session.is_at(scratch.session.store.place.with_own_tables())
        for it in records:
            its = {"file": it.name, "kind": it.kind, "identity": it.identity, "checksum": it.checksum}
            content = texts[it.name].hex()
            scratch.ask(scratch.message("record_code", **its, content=content, options=options[it.name]))


def _confined_code(code: Sequence[Code], missing: Missing) -> list[Code]:
    """Without those that make nothing where a role or an extension is missing."""
    own = [Code(confined(each.file, missing).file) for each in code]
    return [each for each in own if not each.faults()]


def _roles_among(settings: Settings, names: Collection[str]) -> set[str]:
    if not names:
        return set()
    with closing(connect(settings)) as connection:
        return roles.there(connection, names)


def _say_passed_over(places: Sequence[str], listener: Listener) -> None:
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    listener(
        Noted(
            "a role or an extension is missing where the scratch database lies, so that is passed over: "
            f"{', '.join(places[:SHOWN])}{more}"
        )
    )
