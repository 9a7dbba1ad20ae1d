"""The verb cleanup: the orphans of every relation that the migrations declare, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from sqlrail import history, orphans
from sqlrail.backend import Backend, Listener
from sqlrail.errors import DatabaseFailed, Refused
from sqlrail.orphans import Cleaned, Relation
from sqlrail.settings import Settings


@dataclass(frozen=True)
class Cleanup:
    """What a cleanup found and did; a run of None deleted nothing."""

    run: int | None
    dry_run: bool
    relations: tuple[Cleaned, ...]


def cleanup(
    settings: Settings, listener: Listener, named: list[Relation] | None = None, *, dry_run: bool = False
) -> Cleanup:
    """Archives and deletes the orphans of the named relations, or of all that the migrations declare.

    All of them in one transaction: Refused, by the guard of one, has changed nothing. A dry run reads only.
    """
    relations = named or _declared(settings)
    with Backend(settings, listener) as backend:
        if dry_run:
            return Cleanup(None, True, _preview(backend, relations))
        with backend.locked():
            done = _clean_all(backend, relations)
            absent = [one for one in done if one.skipped and named]
            if absent:
                raise Refused(f"{absent[0].relation}: {absent[0].skipped}. Nothing was changed.")
        return Cleanup(next((one.run for one in done if one.run), None), False, done)


def _declared(settings: Settings) -> list[Relation]:
    migrations, files = history.read_files(settings.migrations)
    for migration in migrations:
        flaws = [flaw for flaw in files[migration.id].flaws if flaw[1].startswith("cleanup:")]
        if flaws:
            files[migration.id].check()
    relations = [relation for migration in migrations for relation in files[migration.id].cleanup]
    if not relations:
        raise Refused(
            f"no migration in {settings.migrations} declares a relation: add `-- cleanup: child.column -> parent.key` "
            "to one, or name one with --relation 'child.column -> parent.key'."
        )
    return list(dict.fromkeys(relations))


def _preview(backend: Backend, relations: list[Relation]) -> tuple[Cleaned, ...]:
    previews = []
    for relation in relations:
        # A transaction each: an error in one says nothing about the next.
        backend.ask(b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            previews.append(orphans.preview(backend, relation))
        except Refused as exc:
            previews.append(Cleaned(relation, refusals=(str(exc),)))
        except psycopg.Error as exc:
            raise DatabaseFailed(f"the look at {relation} failed: {exc.diag.message_primary or exc}") from exc
        finally:
            backend.undo()
    return tuple(previews)


def _clean_all(backend: Backend, relations: list[Relation]) -> tuple[Cleaned, ...]:
    done = {relation: _clean(backend, relation) for relation in relations}
    latest = done
    while True:
        # What was deleted may have been a parent; by its last name, which may find too many but not too few.
        bereaved = {relation.child[-1] for relation, one in latest.items() if one.deleted}
        again = [r for r in relations if r.parent[-1] in bereaved and r.child[-1] != r.parent[-1]]
        if not again:
            return tuple(done.values())
        latest = {relation: _clean(backend, relation) for relation in again}
        done = {
            relation: one.plus(latest[relation]) if relation in latest else one
            for relation, one in done.items()
        }


def _clean(backend: Backend, relation: Relation) -> Cleaned:
    try:
        return orphans.clean(backend, relation, verb="cleanup")
    except psycopg.errors.LockNotAvailable as exc:
        raise DatabaseFailed(
            f"the cleanup of {relation} gave way: its tables were in use for longer than "
            f"{backend.settings.lock_timeout:g} s (--lock-timeout). Nothing was changed; run again."
        ) from exc
    except psycopg.Error as exc:
        backend.raise_if_lost("orphans were being deleted")
        raise DatabaseFailed(
            f"the cleanup of {relation} failed: {exc.diag.message_primary or exc}. Nothing was changed."
        ) from exc
