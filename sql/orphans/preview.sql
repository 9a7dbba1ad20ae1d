-- A close look at a relation: one parallel anti-join for the orphans, and a count of all rows. Reads only.
WITH {and_lost}orphan AS MATERIALIZED (
    SELECT {orphan_columns}
      FROM {child} AS c
     WHERE {violates}
), missing AS (
    -- Of the rows that miss a key the first by primary key. No = is written here: the search_path may lead to another.
    SELECT DISTINCT ON ({staged}) *, count(*) OVER (PARTITION BY {staged}) AS rows FROM orphan ORDER BY {staged_row}
), sample AS (
    SELECT jsonb_build_object('key', {key}, 'row', {example}, 'rows', rows) AS shown
      FROM missing ORDER BY rows DESC, {staged} LIMIT 5
), total AS MATERIALIZED (
    SELECT count(*) AS rows, count(*) FILTER (WHERE NOT ({has_key})) AS null_keys,
           count(*) FILTER (WHERE {is_mixed}) AS mixed
      FROM {child} AS c
)
SELECT total.rows, (SELECT count(*) FROM orphan), {has_parents}, total.mixed,
       (SELECT count(*) FROM missing), total.null_keys,
       (SELECT min(at)::text FROM orphan), (SELECT max(at)::text FROM orphan),
       (SELECT coalesce(jsonb_agg(shown), '[]') FROM sample)
  FROM total;
