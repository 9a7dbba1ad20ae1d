-- The view of what is counted, in the database of a server that is ours.
CREATE EXTENSION IF NOT EXISTS {extension};
