-- On Citus: what is SET LOCAL from here on reaches the sessions on the other nodes too, the file's own settings with it: a wait
-- for a lock there ends as one here does. How long such a session may idle is not said again: it idles while others work.
SET LOCAL citus.propagate_set_commands = 'local';
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL row_security = {row_security};
SET LOCAL standard_conforming_strings = on;
