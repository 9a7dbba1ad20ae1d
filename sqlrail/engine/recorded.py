"""What the database says was run, as it was last looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors as pg
from psycopg import sql
from yoyo.migrations import get_migration_hash

from sqlrail.engine.session import Session
from sqlrail.errors import DatabaseFailed
from sqlrail.files import other_tools
from sqlrail.ground.words import on_one_line
from sqlrail.postgres.connect import Connection
from sqlrail.records.code import CodeRecord
from sqlrail.records.history import Note, Record
from sqlrail.records.post_apply import PostApplyRun

if TYPE_CHECKING:
    from sqlrail.engine.kept import Known
    from sqlrail.results.target import Environment


class Recorded:
    """The records, the checkpoints and the stamp, as they were last read: it writes nothing and takes no lock."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.records: list[Record] = []
        self.post_apply: list[PostApplyRun] = []
        self.notes: list[Note] = []
        self.stamp: Environment | None = None

    def look(self) -> None:
        """Reads where the records are, the records, and the stamp."""
        self._session.look()
        place = self._session.store.place
        self.stamp, self.records, self.post_apply = None, [], []
        if place.has_own_tables:
            self.stamp = next((stamp for (stamp,) in self._session.look_up("stamp")), None)
        if place.is_old:
            rows = self._session.look_up("records_old")
            self.records = [Record(id_, get_migration_hash(id_), at, None) for id_, at in rows]
        elif place.has_records:
            self.read_history()

    def read_code(self) -> list[CodeRecord]:
        """What code files have made here."""
        if not self._session.store.place.reads_code:
            return []
        objects = self._session.store.message("_code_objects")
        return [CodeRecord(*row) for row in self._session.look_up("code_records", code_objects=objects)]

    def read_code_texts(self) -> dict[str, bytes]:
        """The texts that code files had when they made what is here, by their names."""
        if not self._session.store.place.has_code:
            return {}
        return {name: bytes.fromhex(text) for name, text in self._session.look_up("code_contents")}

    def take_in(self, known: Known) -> None:
        """The same as somebody has read it a moment ago."""
        self._session.is_at(known.place)
        self.records, self.notes, self.stamp = known.records, known.notes, known.stamp
        self.post_apply = []  # of whom nothing is edited, see Many

    def look_again(self) -> None:
        """Reads what another runner may have changed: the history, and tables of ours that were not there."""
        place = self._session.store.place
        if not (place.has_all_own_tables and place.has_code):
            self._session.look()
        self.read_history()

    def read_history(self, worker: Connection | None = None) -> None:
        """Reads the records as they are now, and what is half done outside a transaction."""
        store = self._session.store
        try:
            tables = self._session.ask_alone(store.history(), worker).tables
        except DatabaseFailed as exc:
            if isinstance(exc.__cause__, pg.UndefinedTable):
                exc.args = (f"{exc}{self._without_log()}",)
            raise
        self.records, self.post_apply, self.notes = store.read_history(*tables)

    def _without_log(self) -> str:
        made = on_one_line(self._session.store.message("yoyo_log"))
        return (
            " It is a part of the history, and somebody has dropped it: take it from a backup, or make it again "
            f"without its rows: {made} Today's files count then as what was applied."
        )

    def raise_if_old(self) -> None:
        """DatabaseFailed where the records are in the form of a yoyo before 6."""
        if self._session.store.place.is_old:
            raise DatabaseFailed(
                "the records are those of a yoyo before 6; `migrate` upgrades them as yoyo would."
            )

    @property
    def lacks_stamp(self) -> bool:
        """Whether the database has no stamp and could have one."""
        if self._session.settings.environment is None or self.stamp is not None:
            return False
        return self._session.store.place.may_have_own_tables

    def other_histories(self) -> list[other_tools.History]:
        """What other tools say that they have run; nobody is asked where there is a record of ours."""
        if self.records:
            return []
        names = {"names": other_tools.TABLES, "schemas": list(other_tools.SCHEMAS)}
        tables = [other_tools.Table(*row) for row in self._session.look_up("other_histories", **names)]
        # What is in a schema that tenants share is not a tenant's.
        own = self._session.settings.tenant
        return [
            self._read_other(table, table.kind)
            for table in tables
            if table.kind and own in (None, table.schema)
        ]

    def _read_other(self, table: other_tools.Table, kind: other_tools.Kind) -> other_tools.History:
        name, versions = sql.Identifier(table.schema, table.name), ()
        if kind.column is not None:
            parts = {"version": sql.Identifier(kind.column), "history": name, "most": other_tools.MOST}
            versions = tuple(version for (version,) in self._session.look_up("other_versions", **parts))
        return other_tools.History(kind.tool, name.as_string().replace('"', ""), versions)
