-- The table of what was found. Where somebody reads it, a dump say, the next run drops it.
{writes}
DROP TABLE IF EXISTS {work};
COMMIT;
