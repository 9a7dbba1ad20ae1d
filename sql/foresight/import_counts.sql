-- The first in a transaction that is to see the rows which another sees.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET TRANSACTION SNAPSHOT {snapshot};
