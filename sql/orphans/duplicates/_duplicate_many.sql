-- Whether somebody is making duplicates right now; what was looked at is not what would go.
SELECT pg_catalog.format('there are %s duplicates now, and there were %s at the survey, a moment ago', found.rows, before.rows)
  FROM (SELECT count(*) AS rows FROM {rows}) AS found
 CROSS JOIN (SELECT {expected}::bigint AS rows) AS before
 WHERE found.rows - before.rows > {max_rows} AND found.rows - before.rows > {max_share}::float8 * before.rows
