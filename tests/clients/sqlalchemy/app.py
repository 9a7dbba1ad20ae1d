"""python app.py STEP...: what sequelize/app.js does, as SQLAlchemy's users write it."""

import json
import os
import sys
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, String, Text, create_engine, func, select
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
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
