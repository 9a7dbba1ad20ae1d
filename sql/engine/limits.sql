-- For each transaction of ours, and once more where RESET ALL has taken them away: no wait for a lock without end, text
-- read as it is written here, and (limits_linux.sql, limits_tcp.sql) no backend that outlives its runner, not even in
-- front of its COMMIT. Only SET LOCAL: behind a pooler a plain SET would reach the application.
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL statement_timeout = {statement_timeout};
-- A runner that is stopped, and not dead, would keep its locks for ever; 0 is never.
SET LOCAL idle_in_transaction_session_timeout = {idle_in_transaction_session_timeout};
-- What a policy hides from the role is an error, and not passed over: a key checked without it would be valid over orphans.
SET LOCAL row_security = {row_security};
-- A pooler's session may have been reset to another encoding than this client's.
SET LOCAL client_encoding = 'UTF8';
-- The scanner reads strings so; with it off a backslash could hide a COMMIT from it.
SET LOCAL standard_conforming_strings = on;
