-- Rows that become duplicates in turn, by one unique index: among those that will say something else, and with those that are
-- there. Of these the one stays that need not be changed, else the first by primary key.
SELECT part, tid, kept_part, kept_tid{carried}
  FROM (WITH changed AS MATERIALIZED (
            SELECT seen.* FROM ({changed}) AS seen WHERE {stays}
        )
        SELECT part, tid, row_number() OVER same AS n,
               pg_catalog.first_value(part) OVER same AS kept_part, pg_catalog.first_value(tid) OVER same AS kept_tid{carrying}
          FROM (SELECT changed.*, true AS is_changed FROM changed
                UNION ALL
                SELECT seen.*, false FROM ({there}) AS seen
                 WHERE EXISTS (SELECT FROM changed WHERE {equal})
                   AND {is_unchanged} AND {stays}) AS c
        WINDOW same AS (PARTITION BY {indexed} ORDER BY is_changed, {order})) AS ranked
 WHERE n > 1
