-- How long the statement of a batch may take: one that takes longer is rolled back and begun again with fewer rows, for others
-- wait for those that it has changed.
SET LOCAL statement_timeout = {limit};
