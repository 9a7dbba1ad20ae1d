"""Records that this run would not find or not mean: a search_path leads to other schemas than when they were made.

A run writes to the first schema of its search_path. Where the history of the same files lies in one other schema, all
of them would run again; where it is only found further along the path, an empty schema would count as migrated.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from psycopg import sql

from sqlrail.engine.backend import Backend
from sqlrail.records.problems import Problem

#: schemas with records of the same files from which on they are tenants
TENANTS = 2


class _Place(NamedTuple):
    schema: str
    place: int | None  # in the search_path
    target_is_empty: bool


def find(backend: Backend, ids: Collection[str]) -> list[Problem]:
    """What is wrong, or worth a line, about where these migrations' records are; asks nothing where all is usual."""
    target = backend.target
    if (
        target is None
        or backend.settings.tenant is not None
        or (backend.has_records and backend.schema == target)
    ):
        return []
    places = [_Place(*row) for row in backend.look_up("schemas_of_records")]
    if not backend.has_records:  # another runner may have made them since
        places = [place for place in places if place.schema != target]
    on_path = [place for place in places if place.place is not None]
    if len(on_path) > 1 and not backend.settings.new_schema:
        return [_ambiguous(on_path, target)]
    if backend.has_records:
        return [_behind(backend, target)] if on_path[0].target_is_empty else []
    return _other(backend, ids, [place.schema for place in places], target)


def _other(backend: Backend, ids: Collection[str], schemas: list[str], target: str) -> list[Problem]:
    found: dict[str, list[str]] = {}
    for schema in schemas:
        records = sql.Identifier(schema, backend.migration_table)
        if known := [id_ for (id_,) in backend.look_up("ids_in", others=records, ids=list(ids))]:
            found[schema] = known
        if len(found) == TENANTS:
            return [
                _problem(f"{target} has no records yet; others have: {', '.join(found)} …", refuses=False)
            ]
    if not found or backend.settings.new_schema:
        return []
    ((schema, known),) = found.items()
    text = f"{len(known)} of these migrations ({known[0]} …) are recorded in the schema {schema}"
    return [
        _problem(
            f"{text}, and the search_path of this connection leads to {target}, where they would all run again. "
            + _remedy(schema)
        )
    ]


def _behind(backend: Backend, target: str) -> Problem:
    number, schema = len(backend.records), str(backend.schema)
    return _problem(
        f"the records that the search_path leads to are in {schema}, but files would write to {target}, which comes "
        f"before it and is empty: what is applied in {schema}, {number} of them, is not applied in {target}. "
        + _remedy(schema)
    )


def _ambiguous(places: list[_Place], target: str) -> Problem:
    schemas = " and ".join(place.schema for place in places)
    return _problem(
        f"there are records in {schemas}, all on the search_path of this connection, and none in {target}, where files "
        "would write to. Name one of them first in the search_path."
    )


def _remedy(schema: str) -> str:
    return (
        f"Name {schema} first in the search_path (in the URL: options=-csearch_path%3D{schema}), or say --new-schema "
        "if this is a schema of its own, to be migrated from zero."
    )


def _problem(message: str, *, refuses: bool = True) -> Problem:
    return Problem("elsewhere", "", message, refuses)
