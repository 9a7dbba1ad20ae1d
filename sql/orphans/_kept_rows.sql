-- A trigger that keeps rows as they are does so without an error: the key that follows would fail, and the archive have
-- rows that are still in the table.
    IF cleaned <> found THEN
        RAISE EXCEPTION '% of % rows would %, because a trigger keeps them', found - cleaned, found, {stay}
            USING ERRCODE = 'SR001';
    END IF;
