"""Flask: the factory brings the database up to date, whichever worker calls it first.

DATABASE_URL=postgresql://app:secret@localhost:5432/app flask --app flask_orders run
"""

import os
from pathlib import Path

import psycopg
from flask import Flask

import sqlrail

MIGRATIONS = Path(__file__).parent / "migrations"


def create_app() -> Flask:
    app = Flask(__name__)
    url = os.environ["DATABASE_URL"]
    # The other workers wait for the first, and find nothing to do.
    sqlrail.migrate(url, MIGRATIONS, lock_wait=300, say=app.logger.info)

    @app.get("/orders")
    def orders() -> dict[str, int]:
        with psycopg.connect(url) as connection:
            (count,) = connection.execute("SELECT count(*) FROM orders").fetchone() or (0,)
        return {"orders": count}

    return app
