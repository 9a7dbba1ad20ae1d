-- Rows that were deleted.
INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE
    SELECT {values}
