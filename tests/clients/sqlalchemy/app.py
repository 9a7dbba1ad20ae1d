"""python app.py STEP...: what sequelize/app.js does, as SQLAlchemy's users write it."""

import json
import os
import sys
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, String, Text, create_engine, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import INET, JSONB, insert
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)
from sqlalchemy.schema import AddConstraint

GONE = uuid.UUID("c11ed8a9-ba3a-4c97-917e-0600e4985488")


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSONB, datetime: DateTime(timezone=True)}  # noqa: RUF012


class User(Base):
    __tablename__ = "users"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password_hash: Mapped[str] = mapped_column(String(500))
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    google_id: Mapped[str | None] = mapped_column(String(255))
    is_verified: Mapped[bool | None] = mapped_column(default=False)
    verification_token: Mapped[str | None] = mapped_column(String(500))
    refresh_token: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime | None] = mapped_column(default=func.now())
    updated_at: Mapped[datetime | None] = mapped_column(default=func.now())
    events: Mapped[list["UsageAnalytics"]] = relationship()


class UsageAnalytics(Base):
    __tablename__ = "usage_analytics"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(User.id, name="usage_analytics_user_id_fkey", ondelete="CASCADE"), index=True
    )
    event_type: Mapped[str] = mapped_column(String(100))
    event_data: Mapped[dict[str, Any] | None]
    session_id: Mapped[str | None] = mapped_column(String(255))
    ip_address: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime | None] = mapped_column(default=func.now())


def sign_up(session: Session, email: str, id_: uuid.UUID | None = None) -> None:
    event = UsageAnalytics(event_type="login", event_data={"from": email}, ip_address="192.0.2.7")
    session.add(User(id=id_, email=email, password_hash="x", events=[event]))  # noqa: S106


def work(session: Session) -> None:
    """What an application asks on a usual day."""
    sign_up(session, "grace@example.org", uuid.UUID(int=7))
    session.flush()
    row = {"id": uuid.UUID(int=9), "email": "ada@example.org", "password_hash": "y"}
    upsert = insert(User).values(row)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=["email"], set_={"password_hash": upsert.excluded.password_hash}
        )
    )
    session.execute(insert(User).values({**row, "id": uuid.UUID(int=10)}).on_conflict_do_nothing())
    grace = session.scalars(select(User).where(User.email == "grace@example.org").with_for_update()).one()
    grace.google_id, grace.is_verified = "g7", True
    session.flush()
    session.execute(update(User).where(User.last_name.is_(None)).values(last_name="unknown"))
    session.execute(
        update(UsageAnalytics)
        .where(UsageAnalytics.user_id == grace.id)
        .values(session_id="s1")
        .returning(UsageAnalytics.id)
    )
    session.add_all(UsageAnalytics(user_id=grace.id, event_type="click") for _ in range(3))
    session.flush()
    session.scalars(select(User).options(selectinload(User.events)).order_by(User.created_at).limit(5)).all()
    session.scalars(select(User).options(joinedload(User.events)).where(User.id == grace.id)).unique().all()
    newest = (
        select(UsageAnalytics.user_id, func.max(UsageAnalytics.created_at).label("last"))
        .group_by("user_id")
        .cte("newest")
    )
    session.execute(select(User.email, newest.c.last).join(newest, newest.c.user_id == User.id)).all()
    place = func.row_number().over(
        partition_by=UsageAnalytics.user_id, order_by=UsageAnalytics.created_at.desc()
    )
    session.execute(select(UsageAnalytics.id, place)).all()
    session.execute(
        select(UsageAnalytics.event_type, func.count())
        .group_by(UsageAnalytics.event_type)
        .having(func.count() > 1)
    ).all()
    session.scalars(
        select(UsageAnalytics.id).where(UsageAnalytics.event_data["from"].astext == "ada@example.org")
    ).all()
    session.scalars(select(UsageAnalytics.user_agent).where(UsageAnalytics.ip_address == "192.0.2.7")).all()
    session.scalar(select(select(User.id).where(User.refresh_token == "t").exists()))  # noqa: S105
    session.execute(
        text("SELECT verification_token FROM users WHERE updated_at < :when"), {"when": datetime(2026, 1, 5)}
    ).all()
    session.execute(delete(UsageAnalytics).where(UsageAnalytics.event_type == "click"))
    session.execute(delete(User).where(User.id == GONE))


def run(step: str, session: Session) -> None:
    match step:
        case "make" | "start":
            Base.metadata.create_all(session.connection())
        case "key":
            (key,) = UsageAnalytics.__table__.foreign_key_constraints
            session.execute(AddConstraint(key))
        case "fill":
            sign_up(session, "ada@example.org")
            sign_up(session, "gone@example.org", GONE)
        case "write":
            sign_up(session, "grace@example.org")
        case "work":
            work(session)
        case "stray":
            session.add(UsageAnalytics(user_id=GONE, event_type="login"))
        case "read":
            users = session.scalars(select(User).order_by(User.email))
            json.dump([[user.email, user.events[0].event_data["from"]] for user in users], sys.stdout)


for step in sys.argv[1:]:
    engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
    with Session(engine) as session, session.begin():
        run(step, session)
    engine.dispose()
