"""python app.py STEP...: a help desk over asyncpg, which prepares every statement: make, fill, work."""

import asyncio
import io
import json
import os
import sys
import uuid
from datetime import date, datetime, timezone
from pathlib import Path

import asyncpg

ADA, ALAN = (uuid.UUID(int=number) for number in (1, 2))
THEN = datetime(2026, 1, 5, tzinfo=timezone.utc)


async def make(desk):
    await desk.execute((Path(__file__).parent / "schema.sql").read_text())


async def fill(desk):
    await desk.execute(
        "INSERT INTO desk.agents (id, login, full_name) VALUES ($1, 'ada', 'Ada'), ($2, 'alan', 'Alan')",
        ADA,
        ALAN,
    )
    await desk.execute(
        "INSERT INTO desk.tickets (subject, agent_id) VALUES ('No tea', $1), ('Broken cup', NULL)", ADA
    )
    await desk.execute(
        "INSERT INTO desk.messages (ticket_id, author, body) VALUES (1, 'grace', 'There is none')"
    )
    await desk.execute("INSERT INTO desk.labels (name) VALUES ('kitchen')")


async def open_ticket(desk):
    number = await desk.fetchval(
        "INSERT INTO desk.tickets (subject, body, priority, meta) VALUES ($1, $2, $3, $4) RETURNING id",
        "Printer",
        "It is on fire",
        "high",
        json.dumps({"floor": 3}),
    )
    await desk.executemany(
        "INSERT INTO desk.messages (ticket_id, author, body, internal) VALUES ($1, $2, $3, $4)",
        [(number, "grace", "Please hurry", False), (number, "ada", "Coming", True)],
    )
    label = await desk.fetchval(
        "INSERT INTO desk.labels (name, colour) VALUES ($1, $2) ON CONFLICT (lower(name))"
        " DO UPDATE SET colour = EXCLUDED.colour RETURNING id",
        "Fire",
        "#ff0000",
    )
    await desk.execute(
        "INSERT INTO desk.ticket_labels (ticket_id, label_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        number,
        label,
    )
    return number


async def serve(desk, number):
    await desk.execute(
        "UPDATE desk.tickets SET agent_id = $1 WHERE id = $2 AND agent_id IS NULL", ALAN, number
    )
    await desk.execute("UPDATE desk.agents SET last_seen = now() WHERE login = $1", "alan")
    await desk.execute("UPDATE desk.tickets SET votes = votes + $1, score = $2 WHERE id = $3", 1, 0.5, number)
    await desk.execute(
        "INSERT INTO desk.views (ticket_id) VALUES ($1)"
        " ON CONFLICT (ticket_id, day) DO UPDATE SET hits = desk.views.hits + 1",
        number,
    )
    await desk.fetchval("SELECT desk.close_ticket($1, $2)", number, "done")
    await desk.fetchval("SELECT desk.close_ticket($1)", 2)


async def look(desk, number):
    await desk.fetchrow("SELECT * FROM desk.tickets WHERE id = $1", number)
    await desk.fetch(
        "SELECT id, author, body, sent FROM desk.messages WHERE ticket_id = $1 AND NOT internal ORDER BY sent",
        number,
    )
    await desk.fetch(
        "SELECT id, subject, login FROM desk.backlog WHERE priority >= $1 ORDER BY opened LIMIT $2",
        "normal",
        20,
    )
    await desk.fetch(
        "SELECT id, subject FROM desk.tickets WHERE search @@ plainto_tsquery('simple', $1)", "printer"
    )
    await desk.fetch(
        "SELECT t.id, t.subject, array_agg(l.name ORDER BY l.name) AS labels"
        " FROM desk.tickets AS t JOIN desk.ticket_labels AS tl ON tl.ticket_id = t.id"
        " JOIN desk.labels AS l ON l.id = tl.label_id GROUP BY t.id"
    )
    await desk.fetch(
        "SELECT login, desk.load(id) FROM desk.agents WHERE is_active AND $1 <> ALL (skills)", "cooking"
    )
    await desk.fetch(
        "SELECT id FROM desk.tickets WHERE opened >= $1 AND (closed IS NULL OR closed > $2)", THEN, THEN
    )
    await desk.fetch(
        "SELECT id, meta ->> 'floor' AS floor FROM desk.tickets WHERE meta @> $1", json.dumps({"floor": 3})
    )
    await desk.fetch("SELECT id, full_name FROM desk.agents WHERE id = ANY ($1)", [ADA, ALAN])
    await desk.fetch(
        "SELECT a.login, count(t.id) AS open, percent_rank() OVER (ORDER BY count(t.id)) AS share FROM desk.agents AS a"
        " LEFT JOIN desk.tickets AS t ON t.agent_id = a.id AND t.closed IS NULL GROUP BY a.id"
    )
    await desk.fetch(
        "SELECT ticket_id, sum(hits) FROM desk.views WHERE day BETWEEN $1 AND $2 GROUP BY ROLLUP (ticket_id)",
        date(2026, 1, 1),
        date(2030, 1, 1),
    )
    await desk.fetch(
        "SELECT id FROM desk.tickets UNION ALL SELECT ticket_id FROM desk.views ORDER BY 1 OFFSET $1", 0
    )
    await desk.fetch("SELECT name, colour FROM desk.labels WHERE lower(name) = lower($1)", "fire")
    async with desk.transaction():
        async for _ in desk.cursor("SELECT id, votes FROM desk.tickets ORDER BY score NULLS LAST"):
            pass


async def load(desk):
    lines = io.BytesIO(b"1\t2026-01-05\t4\n")
    await desk.copy_to_table("views", schema_name="desk", columns=["ticket_id", "day", "hits"], source=lines)
    await desk.execute(
        "DELETE FROM desk.ticket_labels USING desk.labels AS l WHERE l.id = label_id AND l.name = $1",
        "kitchen",
    )
    await desk.execute("DELETE FROM desk.tickets WHERE id = $1", 1)
    await desk.execute("LOCK TABLE desk.labels IN SHARE MODE")


async def work(desk):
    async with desk.transaction():
        number = await open_ticket(desk)
        await serve(desk, number)
        await look(desk, number)
        await load(desk)


async def main(steps):
    for step in steps:
        desk = await asyncpg.connect(os.environ["DATABASE_URL"])
        await {"make": make, "fill": fill, "work": work}[step](desk)
        await desk.close()


asyncio.run(main(sys.argv[1:]))
