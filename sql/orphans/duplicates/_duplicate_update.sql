-- Rows that will refer to the row that stays.
{named} AS (
    UPDATE {table} AS c SET {changes}
      FROM {rows} AS place
     WHERE c.ctid = place.tid AND c.tableoid = place.part AND {is_time}
    RETURNING 1)
