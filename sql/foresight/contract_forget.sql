-- Forgets the queries that were prepared to be looked at.
DEALLOCATE ALL;
