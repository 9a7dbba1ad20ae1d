-- The rows that a query gives, each once.
SELECT count(*) FROM ({query}) AS doomed;
