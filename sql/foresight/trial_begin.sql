-- A look at live tables as of one moment, from which they are copied: nothing is written, and what a policy would hide
-- is an error.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
{ours}
{limits}
{format}
-- It waits for the copy, and not for ever.
SET LOCAL idle_in_transaction_session_timeout = '1h';
-- Rows go from one to the other as bytes, whatever a pooler's session was left with.
SET LOCAL client_encoding = 'UTF8';
