-- Where Citus keeps the rows of a constraint's tables, whether each of its nodes finds the orphans among its own rows by
-- itself, and what cannot be done there. A single shard and a schema that is one lie whole on one node.
-- What is sent between nodes may take the disk that the archive takes as well. The connections to them are kept for the
-- cleanup that follows the look; they end with our own.
SELECT set_config('citus.max_intermediate_result_size', '-1', true), set_config('citus.max_cached_conns_per_worker', '16', true);
WITH asked AS (
    SELECT {columns}::text[] AS columns, {keys}::text[] AS keys
), placed AS (
    SELECT named.n, p.colocationid AS place,
           CASE WHEN p.logicalrelid IS NULL THEN 'local'
                WHEN p.partmethod <> 'n' THEN 'distributed'
                WHEN p.repmodel = 't' THEN 'reference'
                WHEN p.colocationid <> 0 THEN 'single shard'
                ELSE 'citus local' END AS kind,
           CASE WHEN p.partmethod <> 'n' THEN column_to_column_name(p.logicalrelid, p.partkey) END AS column
      FROM unnest({tables}::text[]) WITH ORDINALITY AS named(name, n)
      LEFT JOIN pg_catalog.pg_dist_partition AS p ON p.logicalrelid = named.name::regclass
), pair AS (
    SELECT child.kind AS child, parent.kind AS parent,
           child.kind <> 'local' OR coalesce(parent.kind, 'local') <> 'local' AS is_spread, child.column, child.place > 0 AND child.place = parent.place AS near,
           EXISTS (SELECT FROM asked, unnest(asked.columns, asked.keys) AS compared("column", key)
                    WHERE compared.column = child.column AND compared.key = parent.column) AS by_column
      FROM placed AS child
      LEFT JOIN placed AS parent ON parent.n = 2
     WHERE child.n = 1
)
SELECT json_build_object(
    'distributed', pair.is_spread,
    'together', CASE WHEN pair.parent IS NULL THEN true
                     WHEN pair.child = 'local' THEN false
                     WHEN pair.child = 'citus local' THEN pair.parent = 'citus local'
                     WHEN pair.parent = 'reference' THEN true
                     WHEN pair.child = 'distributed' AND pair.parent = 'distributed' THEN near AND by_column
                     WHEN pair.child = 'single shard' AND pair.parent = 'single shard' THEN near
                     ELSE false END,
    'alone', pair.child = 'single shard',
    -- An archive of an older version knows no such action, see own_tables.sql; its owner brings it further.
    'packs', NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c
                          WHERE c.oid = to_regclass('sqlrail.archive') AND NOT pg_has_role(c.relowner, 'USAGE')
                            AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                                             WHERE attrelid = c.oid AND attname = 'became' AND NOT attisdropped)),
    'local', pair.child = 'local',
    'distribution_column', pair.column,
    'refusals', CASE WHEN pair.is_spread THEN {unsettled} ELSE '{{}}' END || array_remove(ARRAY[
        (SELECT format('%1$s is columnar, and its rows can be neither deleted nor changed: bring it back into rows first, '
                       'SELECT alter_table_set_access_method(%2$L, ''heap'')', min(c.oid::regclass::text), min(c.oid::regclass::text))
           FROM (SELECT ({tables}::text[])[1]::regclass::oid AS oid
                 UNION SELECT relid FROM pg_catalog.pg_partition_tree(({tables}::text[])[1]::regclass)) AS part
           JOIN pg_catalog.pg_class AS c ON c.oid = part.oid
           JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
          WHERE m.amname = 'columnar' HAVING count(*) > 0)
    ], NULL))
  FROM pair;
