-- For each transaction of ours, and once more where RESET ALL has taken them away: no wait for a lock without end, and
-- (limits_14.sql) no backend that outlives its runner, not even in front of its COMMIT. Only SET LOCAL: behind a pooler
-- a plain SET would reach the application.
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL idle_in_transaction_session_timeout = 0;
