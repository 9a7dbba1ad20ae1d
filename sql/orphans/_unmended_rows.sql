-- A default may name nobody, and a trigger give another value.
    IF current_setting('sqlrail.still') <> '0' THEN
        RAISE EXCEPTION '% rows would still %', current_setting('sqlrail.still'), current_setting('sqlrail.unmended')
            USING ERRCODE = 'SR001';
    END IF;
