-- The transaction in which a scratch database takes in the rows of live tables.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
{ours}
{limits}
{format}
-- Rows go from one to the other as bytes, whatever a pooler's session was left with.
SET LOCAL client_encoding = 'UTF8';
