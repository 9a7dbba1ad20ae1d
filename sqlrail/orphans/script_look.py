"""What a printed script does ahead of its locks: it looks at big tables, as a cleanup does.

What is noted stays in temporary tables of the script's transaction, and the statements read it there.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from sqlrail.ground.relation import Relation
from sqlrail.orphans import placed, survey
from sqlrail.orphans.ask import quickly
from sqlrail.orphans.cleaned import Cleaned
from sqlrail.orphans.composer import Composer
from sqlrail.orphans.expressions import joined
from sqlrail.orphans.session import Session, message, quote


def is_due(one: Cleaned) -> bool:
    """Whether the look is worth it."""
    return isinstance(one.relation, Relation) and placed.may_be(one.facts)


class Ahead:
    """The look at one relation of a script, told by its number there."""

    def __init__(self, session: Session, number: int, one: Cleaned, question: bytes) -> None:
        """question: what the guards ask of the catalog, which the look needs to hold as much as the cleanup."""
        self._session, self._one, self._question = session, one, question
        self._settings = {name: f"sqlrail.{name}_{number}" for name in ("question", "answer")}
        self._noted = sql.Identifier("pg_temp", f"sqlrail_noted_{number}")

    def keep(self) -> bytes:
        """What keeps the question."""
        parts = {"quote": quote(self._question), "text": self._question}
        return message(self._session, "script_question", **parts, **self._settings)

    def ask(self) -> bytes:
        """What asks it."""
        return message(self._session, "script_answer", **self._settings)

    def answer(self) -> bytes:
        """A query for what was answered last."""
        return message(self._session, "_script_answer", **self._settings)

    def look(self) -> bytes:
        """What looks for the orphans, and notes where they are."""
        part = Composer(self._session, self._one.relation, self._one.facts)
        look = placed.look(part, 0, None, self._oids())
        warm = placed.warm(part, sql.SQL("(SELECT places FROM {})").format(self._noted))
        texts = {"look": look, "warm": warm}
        return part("script_look", **self._parts(), **texts, **quotes(*texts.values()))

    def find(self, part: Composer) -> bytes:
        """What stages them under the locks."""
        stands = part("placed_stands", **self._oids(), **given("oldest", "parents", "file"))
        said = given("tids", "has_all_parents", "oldest", "transactions")
        is_new = part(
            "_new_by_either", listed=part("_new_by_list", **said), aged=part("_new_by_age", **said), **said
        )
        said["tids"] = sql.SQL("{}::pg_catalog.tid[]").format(said["tids"])
        texts = {"stands": stands, "placed": part("find_placed", is_new=is_new, **said), "anew": part.find()}
        return part("script_find", listed=placed.LISTED, **self._parts(), **texts, **quotes(*texts.values()))

    def _parts(self) -> dict[str, sql.Composable]:
        tables = sql.SQL("ARRAY[{}]::pg_catalog.oid[]").format(joined(", ", self._oids().values()))
        return {"noted": self._noted, "tables": tables}

    def _oids(self) -> dict[str, sql.Composable]:
        """The tables by their names: a script may be run on a copy."""
        tables = {"child_oid": self._one.facts.child, "parent_oid": self._one.facts.parent}
        return {
            name: sql.SQL("{}::pg_catalog.regclass").format(
                sql.Literal(sql.Identifier(it["schema"], it["table"]).as_string())
            )
            for name, it in tables.items()
        }


def given(*names: str) -> dict[str, sql.Composable]:
    """What EXECUTE … USING gives a statement, in that order."""
    return {name: sql.SQL(f"${n}") for n, name in enumerate(names, 1)}


def ahead_of_locks(session: Session, checks: Mapping[Ahead, bytes]) -> list[bytes]:
    """What is done before the locks: the guards of the catalog for all of them, and then the looks."""
    if not checks:
        return []
    asked = quickly(session, *checks.values())
    return [*(one.keep() for one in checks), asked, survey.exactly(session, *(one.look() for one in checks))]


def quotes(*texts: bytes) -> dict[str, bytes]:
    """Two that none of the texts has: one around them, and one around what they stand in."""
    inner = quote(b"".join(texts))
    return {"inner": inner, "quote": quote(b"".join((*texts, inner)))}
