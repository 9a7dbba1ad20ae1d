-- Whom the notes are written as, whatever role the file takes on.
SELECT current_setting('session_authorization'), current_setting('role');
