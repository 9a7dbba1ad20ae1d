-- The same place for its twin.
SELECT setval({sequence}::regclass, {last_value}, {is_called});
