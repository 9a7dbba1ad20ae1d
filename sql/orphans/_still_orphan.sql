-- The same of rows that were found, looked up one by one by the parent's key.
{has_key}
       AND ({row}) NOT IN (SELECT {row} FROM {parent} AS p WHERE {matches} {stays})
