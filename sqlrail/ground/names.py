"""Names of tables, columns and other objects: how SQL spells them, and how the catalog does."""

from __future__ import annotations

import re

from psycopg import sql

#: a name as SQL spells it, in text that has no comments left
NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
#: bytes of a name, of which PostgreSQL drops the rest (NAMEDATALEN - 1)
NAME_LIMIT = 63
#: a table's or another object's, with its schema where that is said
Name = tuple[str, ...]


def plain(name: str) -> str:
    """A name as the catalog has it: lower case unless quoted, and of no letters but ASCII's."""
    if name.startswith('"'):
        name = name[1:-1].replace('""', '"')
    else:
        name = re.sub("[A-Z]+", lambda letters: letters[0].lower(), name)
    return name.encode()[:NAME_LIMIT].decode(errors="ignore")


def is_same(one: Name, other: Name) -> bool:
    """Whether two names may be of one object: a schema tells them apart only where both say it."""
    return one[-1] == other[-1] and (len(one) < len(other) or one[-len(other) :] == other)


def unqualified(text: str, schema: str) -> str:
    """A text in which the names of a schema's objects stand without it, as a file of many tenants has them."""
    return re.sub(qualifying(schema), "", text) if schema in text or '"' in schema else text


def qualifying(schema: str) -> str:
    """The pattern of a schema's name in front of that of an object, and of the dot between them."""
    spelt = "|".join(map(re.escape, {join(schema), sql.Identifier(schema).as_string()}))
    return rf"(?<![\w$\".])(?:{spelt})\.(?=[\w\"]|$)"


def join(*names: str) -> str:
    """Names joined by dots as SQL would have them, quoted where they must be."""
    plain = re.compile(r"[a-z_][a-z0-9_]*")
    return ".".join(name if plain.fullmatch(name) else sql.Identifier(name).as_string() for name in names)
