-- Opens each transaction of ours. Only SET LOCAL: behind a pooler a plain SET would reach the application.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL idle_in_transaction_session_timeout = 0;
