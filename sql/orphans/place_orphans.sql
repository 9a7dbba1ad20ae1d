-- The look of count_orphans.sql, which notes besides where the orphans are, or by which keys they are found, and from which
-- transaction on it may have missed something: with that only what has come since has to be looked at under the locks.
-- Nothing is noted where some parent may be younger than that, or where counting the parents would take longer than another
-- anti-join.
WITH found AS MATERIALIZED (
    SELECT {place} AS place, {many} AS many FROM {child} AS c WHERE {violates} {by_key}
), counted AS (
    SELECT coalesce(sum(many), 0)::bigint AS orphans, pg_snapshot_xmin(pg_current_snapshot()) AS oldest FROM found
)
SELECT CASE WHEN orphans > {max_rows} THEN
           (SELECT count(*) FROM (SELECT FROM {child}
              LIMIT least(ceil(orphans / nullif({max_share}::float8, 0)) + 1, 1e18)) AS enough) END,
       orphans, EXISTS (SELECT FROM {parent}), (SELECT count(*) FROM {child} AS c WHERE {is_mixed}),
       CASE WHEN orphans BETWEEN {least} AND {most} AND pg_relation_size({parent_oid}) <= pg_relation_size({child_oid}) THEN
           (SELECT json_build_object('oldest', oldest::text, 'parents', count(*),
                                     'file', pg_relation_filenode({child_oid})::bigint,
                                     'places', (SELECT coalesce(array_agg(place), '{{}}')::text FROM found))
              FROM {parent} AS p
            HAVING count(*) FILTER (WHERE age(p.xmin) <= age(oldest::xid)) = 0) END
  FROM counted;
