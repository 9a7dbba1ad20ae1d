"""One restore, within a transaction that is open."""

from __future__ import annotations

from psycopg import sql

from sqlrail.orphans.restoring.guard import Guard
from sqlrail.orphans.restoring.look import Look
from sqlrail.orphans.restoring.report import Report
from sqlrail.orphans.restoring.restored import Restore
from sqlrail.orphans.restoring.shape import Shape
from sqlrail.orphans.restoring.work import Work
from sqlrail.orphans.session import Session, ddl, message
from sqlrail.postgres import wire


def put_back(session: Session, run: int, relation: str | None, *, force: bool) -> Restore:
    """Puts a run's archived rows back, of one relation or of all.

    What Refused or psycopg.Error ends has to be rolled back.
    """
    became = message(session, "_became")
    stage = message(session, "archive_format")
    stage += ddl(session, "restore_stage", run=run, relation=relation, became=became)
    staged = [Shape(*row) for row in session.ask(stage)]
    place = wire.named(session.connection, sql.SQL("name"))
    session.ask(message(session, "restore_lock", sources=[shape.source for shape in staged], place=place))
    look = Look(session, run, staged, force=force)
    shapes = look.look()
    guard = Guard(session, run, shapes, force=force)
    guard.check()
    Work(session, shapes, force=force).put_back()
    return Report(session, run, shapes, [*look.notes, *guard.notes]).finish()
