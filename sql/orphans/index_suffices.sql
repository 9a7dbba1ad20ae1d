-- The type of arrays of the child's column, where its values can be read out of an index as fast as they lie there: all but a
-- few pages of both tables are known to be visible to everybody. What came, or was changed, since the last VACUUM may have
-- been on a page each. A larger parent would better be asked key by key. Of types of others nobody knows what their = does
-- under another search_path.
SELECT (SELECT arrays.typname
          FROM pg_attribute AS a
          JOIN pg_type AS t ON t.oid = a.atttypid
          JOIN pg_type AS arrays ON arrays.oid = t.typarray
         WHERE a.attrelid = {child_oid} AND a.attname = {column} AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b'
           AND pg_relation_size({parent_oid}) <= pg_relation_size({child_oid})
           AND NOT EXISTS (
               SELECT FROM pg_class AS c, pg_relation_size(c.oid) AS size
                WHERE c.oid IN ({child_oid}, {parent_oid})
                  AND size / current_setting('block_size')::bigint * (1 - {written}::float8) > c.relallvisible
                      - pg_stat_get_dead_tuples(c.oid) - pg_stat_get_ins_since_vacuum(c.oid)));
