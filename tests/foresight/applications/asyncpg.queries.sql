-- $1 = 'Printer', $2 = 'It is on fire', $3 = 'high', $4 = '{"floor": 3}'
INSERT INTO desk.tickets (subject, body, priority, meta) VALUES ($1, $2, $3, $4) RETURNING id;

-- $1 = '3', $2 = 'grace', $3 = 'Please hurry', $4 = 'f'
INSERT INTO desk.messages (ticket_id, author, body, internal) VALUES ($1, $2, $3, $4);

-- $1 = '3', $2 = 'ada', $3 = 'Coming', $4 = 't'
INSERT INTO desk.messages (ticket_id, author, body, internal) VALUES ($1, $2, $3, $4);

-- $1 = 'Fire', $2 = '#ff0000'
INSERT INTO desk.labels (name, colour) VALUES ($1, $2) ON CONFLICT (lower(name)) DO UPDATE SET colour = EXCLUDED.colour RETURNING id;

-- $1 = '3', $2 = '2'
INSERT INTO desk.ticket_labels (ticket_id, label_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- $1 = '00000000-0000-0000-0000-000000000002', $2 = '3'
UPDATE desk.tickets SET agent_id = $1 WHERE id = $2 AND agent_id IS NULL;

-- $1 = 'alan'
UPDATE desk.agents SET last_seen = now() WHERE login = $1;

-- $1 = '1', $2 = '0.5', $3 = '3'
UPDATE desk.tickets SET votes = votes + $1, score = $2 WHERE id = $3;

-- $1 = '3'
INSERT INTO desk.views (ticket_id) VALUES ($1) ON CONFLICT (ticket_id, day) DO UPDATE SET hits = desk.views.hits + 1;

-- $1 = '3', $2 = 'done'
SELECT desk.close_ticket($1, $2);

-- $1 = '2'
SELECT desk.close_ticket($1);

-- $1 = '3'
SELECT * FROM desk.tickets WHERE id = $1;

-- $1 = '3'
SELECT id, author, body, sent FROM desk.messages WHERE ticket_id = $1 AND NOT internal ORDER BY sent;

-- $1 = 'normal', $2 = '20'
SELECT id, subject, login FROM desk.backlog WHERE priority >= $1 ORDER BY opened LIMIT $2;

-- $1 = 'printer'
SELECT id, subject FROM desk.tickets WHERE search @@ plainto_tsquery('simple', $1);

SELECT t.id, t.subject, array_agg(l.name ORDER BY l.name) AS labels FROM desk.tickets AS t JOIN desk.ticket_labels AS tl ON tl.ticket_id = t.id JOIN desk.labels AS l ON l.id = tl.label_id GROUP BY t.id;

-- $1 = 'cooking'
SELECT login, desk.load(id) FROM desk.agents WHERE is_active AND $1 <> ALL (skills);

-- $1 = '2026-01-05 00:00:00+00', $2 = '2026-01-05 00:00:00+00'
SELECT id FROM desk.tickets WHERE opened >= $1 AND (closed IS NULL OR closed > $2);

-- $1 = '{"floor": 3}'
SELECT id, meta ->> 'floor' AS floor FROM desk.tickets WHERE meta @> $1;

-- $1 = '{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}'
SELECT id, full_name FROM desk.agents WHERE id = ANY ($1);

SELECT a.login, count(t.id) AS open, percent_rank() OVER (ORDER BY count(t.id)) AS share FROM desk.agents AS a LEFT JOIN desk.tickets AS t ON t.agent_id = a.id AND t.closed IS NULL GROUP BY a.id;

-- $1 = '2026-01-01', $2 = '2030-01-01'
SELECT ticket_id, sum(hits) FROM desk.views WHERE day BETWEEN $1 AND $2 GROUP BY ROLLUP (ticket_id);

-- $1 = '0'
SELECT id FROM desk.tickets UNION ALL SELECT ticket_id FROM desk.views ORDER BY 1 OFFSET $1;

-- $1 = 'fire'
SELECT name, colour FROM desk.labels WHERE lower(name) = lower($1);

SELECT id, votes FROM desk.tickets ORDER BY score NULLS LAST;

-- lines "1\t2026-01-05\t4\n"
COPY "desk"."views"("ticket_id", "day", "hits") FROM STDIN;

-- $1 = 'kitchen'
DELETE FROM desk.ticket_labels USING desk.labels AS l WHERE l.id = label_id AND l.name = $1;

-- $1 = '1'
DELETE FROM desk.tickets WHERE id = $1;

LOCK TABLE desk.labels IN SHARE MODE;
