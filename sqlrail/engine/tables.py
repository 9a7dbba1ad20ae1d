"""yoyo's tables, made under the lock; and what a first run writes into records that are there."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import errors as pg
from psycopg import sql
from yoyo import internalmigrations

from sqlrail.engine.lock import POLL, Patience, RunnersLock
from sqlrail.engine.recorded import Recorded
from sqlrail.engine.session import Session
from sqlrail.engine.yoyo import YoyoBackend
from sqlrail.errors import DatabaseFailed, Refused
from sqlrail.files.file import File
from sqlrail.ground.words import on_one_line
from sqlrail.postgres import stopping
from sqlrail.records.history import Record


class Tables:
    """Makes yoyo's tables where they are missing or old, by yoyo's own hand and under the lock, and never otherwise."""

    def __init__(self, session: Session, recorded: Recorded, lock: RunnersLock, yoyo: YoyoBackend) -> None:
        self._session, self._recorded, self._lock, self._yoyo = session, recorded, lock, yoyo

    def prepare(self) -> None:
        """Makes them, if they are missing or of an older yoyo, and looks again."""
        place = self._session.store.place
        if place.has_records and (place.is_current or not self._is_outdated()):
            return
        if place.schema is None or place.schema.startswith("pg_"):  # pg_temp_3 ends with the session
            first = f"leads to {place.schema} first" if place.schema else "names no schema that exists"
            raise DatabaseFailed(
                f"the search_path {first}, so there is no place for yoyo's tables. "
                "Create the schema, or name another: ALTER ROLE ... SET search_path = ..."
            )
        self._yoyo.look_where_tables_go()
        self._make_lock_table()
        with self._lock.transaction("the making of yoyo's tables"):
            if self._is_outdated():
                self._yoyo.upgrade()
        self._recorded.look()

    def _is_outdated(self) -> bool:
        version, place = self._yoyo.version, self._session.store.place
        if version not in internalmigrations.schema_versions or (
            version == 1 and place.has_records and not place.is_old
        ):
            raise Refused(self._half_a_history())
        return bool(version < max(internalmigrations.schema_versions))

    def _half_a_history(self) -> str:
        known, names = max(internalmigrations.schema_versions), self._session.store.names
        versions = sql.SQL(self._session.store.table(names.version))
        mended = self._session.store.message("yoyo_versioned", versions=versions, version=known)
        return (
            f"the schema {self._session.store.place.schema} has half a history: {names.records} is there, and "
            f"{names.version} has no version that this yoyo knows (1 to {known}). After a dump without rows (pg_dump "
            "--schema-only) load the rows of yoyo's tables from where the dump is from; or run "
            f"{on_one_line(mended)} and record with `baseline --to ID` the files whose tables are there. "
            "If a newer yoyo has been at work here, install that instead. Nothing was changed."
        )

    def _make_lock_table(self) -> None:
        patience = self._lock.patience()
        while self._session.store.names.lock not in self._yoyo.list_tables():
            if self._lock.attempt():
                self._try_to_make_lock_table(patience)
            else:
                patience.pause(None)

    def _try_to_make_lock_table(self, patience: Patience) -> None:
        session = self._session
        try:
            with session.translating("yoyo's tables cannot be made", "yoyo's tables were being made"):
                session.ask(session.store.message("writes") + self._yoyo.lock_table_made + b"COMMIT")
        except DatabaseFailed as exc:
            if not isinstance(exc.__cause__, (pg.DuplicateTable, pg.UniqueViolation)):
                raise
            if patience.is_over:  # else plain yoyo was quicker
                raise DatabaseFailed(
                    f"{session.store.place.schema}.{session.store.names.lock} is not a table, and yoyo needs one of "
                    "that name: rename what is there. Nothing was changed."
                ) from exc
            stopping.sleep(POLL[0])

    def take_over(
        self,
        files: dict[str, File],
        missing: Collection[str] = (),
        *,
        stamps: bool = False,
        furthers: bool = False,
    ) -> list[str]:
        """Writes a stamp, if it may, and today's checksum for records that have none (plain yoyo's); returns their ids.

        That records without a file are let pass is logged with it. furthers: brings old tables of our own further.
        """
        stamp = self.stamping() if stamps else b""
        own = stamp or (self._furthering() if furthers else b"")
        if not self._unknown(files) and not own and not missing:
            return []
        self.prepare()
        with self._lock.transaction("the transaction"):
            if missing or self._unknown(files):
                self._recorded.read_history()  # another runner may have been quicker, with a newer release's files
            store, unknown = self._session.store, self._unknown(files)
            text = own
            for record in unknown:
                text += store.log_entry(record.id, record.hash, "checksum", files[record.id].checksum)
            for record in self._recorded.records:
                if record.id in missing:  # the checksum once more: the latest entry's is the one that counts
                    text += store.log_entry(record.id, record.hash, "missing", record.checksum)
            if text:
                self._session.ask(text)
        if own and self._session.store.own_tables():
            self._session.is_at(self._session.store.place.with_own_tables())
        return [record.id for record in unknown]

    def _unknown(self, files: Collection[str]) -> list[Record]:
        records = self._recorded.records
        return [record for record in records if record.checksum is None and record.id in files]

    def _furthering(self) -> bytes:
        """What brings tables of our own further that an older build has made."""
        place = self._session.store.place
        return self._session.store.own_tables() if place.has_all_own_tables and place.is_own_old else b""

    def stamping(self) -> bytes:
        """What writes the environment's name into a database that has no stamp."""
        if not self._recorded.lacks_stamp:
            return b""
        return self._session.own_tables() + self._session.store.set_stamp()
