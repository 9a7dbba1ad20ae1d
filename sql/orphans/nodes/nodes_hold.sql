-- A parent that no foreign key guards must be there when we commit. Citus locks a row only where it is asked for by its key.
LOCK TABLE {parent} IN SHARE MODE;
