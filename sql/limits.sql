-- For each transaction of ours, and once more where RESET ALL has taken them away: no wait for a lock without end, text
-- read as it is written here, and (limits_linux.sql, limits_tcp.sql) no backend that outlives its runner, not even in
-- front of its COMMIT. Only SET LOCAL: behind a pooler a plain SET would reach the application.
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL idle_in_transaction_session_timeout = 0;
-- A pooler's session may have been reset to another encoding than this client's.
SET LOCAL client_encoding = 'UTF8';
-- The scanner reads strings so; with it off a backslash could hide a COMMIT from it.
SET LOCAL standard_conforming_strings = on;
