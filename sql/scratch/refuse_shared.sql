-- In front of a COMMIT in a scratch database: what the file changed for the whole server would be changed for the real
-- database as well.
DO $$
BEGIN
    IF ({shared}) THEN
        RAISE EXCEPTION USING ERRCODE = 'SR001',
            MESSAGE = 'it changes what the whole server has, such as a role, which cannot be done again on a scratch '
                      'database beside the real one';
    END IF;
END
$$;
