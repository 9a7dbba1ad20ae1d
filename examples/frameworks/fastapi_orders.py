"""FastAPI: the database is brought up to date before the first request is taken.

DATABASE_URL=postgresql://app:secret@localhost:5432/app uvicorn fastapi_orders:app
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from fastapi import FastAPI

import sqlrail

URL = os.environ["DATABASE_URL"]
MIGRATIONS = Path(__file__).parent / "migrations"

log = logging.getLogger("orders")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001 - FastAPI's are given one
    # What else runs in the event loop goes on.
    await sqlrail.aio.migrate(URL, MIGRATIONS, lock_wait=300, say=log.info)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/orders")
async def orders() -> dict[str, int]:
    async with await psycopg.AsyncConnection.connect(URL) as connection:
        cursor = await connection.execute("SELECT count(*) FROM orders")
        (count,) = await cursor.fetchone() or (0,)
    return {"orders": count}
