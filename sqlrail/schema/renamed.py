"""A catalog as it would be in a schema of another name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlrail.schema.objects import Catalog, Fact, Key, Object

Spell = Callable[[str], str]


def renamed(catalog: Catalog, old: str, new: str, quoted: str) -> Catalog:
    """The same objects in the schema `new`.

    old: a name that needs no quotes, and that no other text has within; quoted: the new one as SQL has it.
    """
    spell = _spelling(old, new, quoted)

    def key_of(key: Key) -> Key:
        return key[0], spell(key[1])

    def object_of(one: Object) -> Object:
        texts: dict[str, Any] = {
            name: spell(value)
            for name, value in one._asdict().items()
            if name not in ("kind", "schema") and isinstance(value, str) and old in value
        }
        schema = new if one.schema == old else one.schema
        return one._replace(schema=schema, facts=_facts(one.facts, spell), **texts)

    return Catalog(
        {key_of(key): object_of(one) for key, one in catalog.objects.items()},
        {key_of(key): {key_of(on): how for on, how in its.items()} for key, its in catalog.needs.items()},
        {key_of(key): role for key, role in catalog.owners.items()},
        {(spell(source), spell(target)) for source, target in catalog.casts},
    )


def _facts(facts: Mapping[str | None, Fact], spell: Spell) -> Mapping[str | None, Fact]:
    return {
        name: Fact(*(value if value is None else spell(value) for value in fact))
        for name, fact in facts.items()
    }


def _spelling(old: str, new: str, quoted: str) -> Spell:
    """How a name stands in SQL: as a text of its own, at the beginning of one, and everywhere else."""
    alone, within = (name.replace("'", "''") for name in (new, quoted))

    def spell(text: str) -> str:
        return text.replace(f"'{old}'", f"'{alone}'").replace(f"'{old}", f"'{within}").replace(old, quoted)

    return spell
