-- Opens each transaction of ours. Only SET LOCAL: behind a pooler a plain SET would reach the application.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT set_config('lock_timeout', {lock_timeout}, true),
       set_config('statement_timeout', {statement_timeout}, true),
       set_config('idle_in_transaction_session_timeout', '0', true),
       -- PostgreSQL 17 and later
       CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
            THEN set_config('transaction_timeout', '0', true) END,
       -- A dead client is not a dead backend: without this it would work on, and could still commit.
       -- PostgreSQL 14 and later, where the system can tell.
       CASE WHEN current_setting('client_connection_check_interval', true) IS NOT NULL
             AND version() ~ 'linux'
            THEN set_config('client_connection_check_interval', '1s', true) END;
