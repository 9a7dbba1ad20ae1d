-- What a row became by its change, where the archive has it.
CASE WHEN a.action LIKE 'set %' THEN nullif(to_jsonb(a) -> 'became', 'null') END
