"""The files of a foreign key that keep writers waiting for a short time: NOT VALID first, and validated by itself."""

from __future__ import annotations

from sqlrail.files.draft import Draft
from sqlrail.ground.constraint import DELETE
from sqlrail.ground.names import join
from sqlrail.ground.relation import Relation

#: bytes of a name, of which PostgreSQL drops what is more
LONGEST = 63


def drafts(relation: Relation, name: str) -> list[Draft]:
    """A file that cleans and adds the key, which from then on keeps new orphans out, and one that validates it."""
    child, key = join(*relation.child), join(_name(relation))
    columns, keys = (", ".join(map(join, names)) for names in (relation.columns, relation.keys))
    added = (
        f"ALTER TABLE {child} ADD CONSTRAINT {key}\n"
        f"    FOREIGN KEY ({columns}) REFERENCES {join(*relation.parent)} ({keys}){_on_delete(relation)} NOT VALID;\n"
    )
    said = f" {relation.said}" if relation.said else ""
    return [
        Draft(
            name,
            "-- From here on the key keeps new orphans out. Rows that are there are read by the next file, for which\n"
            "-- nobody waits.\n"
            f"-- cleanup: {relation}{said}\n",
            added,
            f"ALTER TABLE {child} DROP CONSTRAINT {key};\n",
        ),
        Draft(
            f"{name} validate",
            "-- By itself, for a lock of another statement in this file would last as long as this one takes.\n",
            f"ALTER TABLE {child} VALIDATE CONSTRAINT {key};\n",
            "-- A key that was validated does no harm, and goes with the file before.\nSELECT 1;\n",
        ),
    ]


def _name(relation: Relation) -> str:
    """As PostgreSQL would call it, where that is no longer than a name may be."""
    whole = "_".join([relation.child[-1], *relation.columns])
    return whole.encode()[: LONGEST - len("_fkey")].decode(errors="ignore") + "_fkey"


def _on_delete(relation: Relation) -> str:
    if relation.said is None:
        return ""
    words = "CASCADE" if relation.said == DELETE else relation.said.kind.upper()
    columns = f" ({', '.join(map(join, relation.said.columns))})" if relation.said.columns else ""
    return f" ON DELETE {words}{columns}"
