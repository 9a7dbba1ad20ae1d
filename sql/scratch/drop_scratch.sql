-- A database of ours, with whoever is still in it.
DROP DATABASE IF EXISTS {database} WITH (FORCE);
