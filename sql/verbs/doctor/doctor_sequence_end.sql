-- Sequences of which three quarters are used up, or three quarters of what their column can hold. One that begins again at
-- its end has none, unless its column ends first. What refers to the column has to grow with it.
WITH sequence AS (
    SELECT x.oid, format('%I.%I', n.nspname, x.relname) AS name, s.*, s.seqincrement > 0 AS rises,
           CASE WHEN has_sequence_privilege(x.oid, 'USAGE, SELECT') AND (x.relpersistence = 'p' OR NOT pg_is_in_recovery())
                THEN pg_sequence_last_value(x.oid) END AS value
      FROM pg_catalog.pg_sequence AS s
      JOIN pg_catalog.pg_class AS x ON x.oid = s.seqrelid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
     WHERE x.relpersistence <> 't' AND {ours}
), owned AS (
    SELECT sequence.*, c.oid AS "table", a.attnum, a.attname, tn.nspname, c.relname,
           CASE a.atttypid WHEN 'int2'::regtype THEN 16 WHEN 'int4'::regtype THEN 32 END AS width
      FROM sequence
      LEFT JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_class'::regclass AND d.objid = sequence.oid AND d.deptype IN ('a', 'i')
       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
      LEFT JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid
      LEFT JOIN pg_catalog.pg_namespace AS tn ON tn.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
     WHERE c.oid IS NULL OR c.oid NOT IN ({bookkeeping})
), used AS (
    SELECT *, (value::numeric - seqmin) / nullif(top::numeric - seqmin, 0) AS share
      FROM owned, LATERAL (SELECT least(seqmax, power(2::numeric, width - 1) - 1) AS top) AS upper
     WHERE rises AND NOT (seqcycle AND top = seqmax)
    UNION ALL
    SELECT *, (seqmax - value::numeric) / nullif(seqmax - top::numeric, 0)
      FROM owned, LATERAL (SELECT greatest(seqmin, -power(2::numeric, width - 1)) AS top) AS lower
     WHERE NOT rises AND NOT (seqcycle AND top = seqmin)
)
SELECT name, 'sequence',
       format('%s %% is used up: %s of %s%s', floor(least(share, 1) * 100), value, trunc(top),
              CASE WHEN k.is_narrow
                   THEN format(', which is all that the column %I.%I.%I can hold', nspname, relname, attname) END),
       CASE WHEN k.is_least THEN 'nothing larger is there: use other keys, or begin again where numbers are free'
            WHEN k.is_narrow THEN format('this rewrites the table and keeps everybody out meanwhile; for a big live one '
                                               '`sqlrail widen %s` writes files that do not', format('%I.%I.%I', nspname, relname, attname)) END,
       CASE WHEN NOT k.is_least THEN
           CASE WHEN k.is_narrow THEN
               ARRAY[format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE bigint', nspname, relname, attname)]
               || coalesce((SELECT array_agg(DISTINCT format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE bigint', cn.nspname, child.relname, a.attname))
                              FROM pg_catalog.pg_constraint AS fk
                              JOIN pg_catalog.pg_class AS child ON child.oid = fk.conrelid
                              JOIN pg_catalog.pg_namespace AS cn ON cn.oid = child.relnamespace
                              JOIN pg_catalog.pg_attribute AS a ON a.attrelid = child.oid
                               AND a.attnum = fk.conkey[array_position(fk.confkey, used.attnum)]
                             WHERE fk.contype = 'f' AND fk.conparentid = 0 AND fk.confrelid = used."table"
                               AND a.atttypid IN ('int2'::regtype, 'int4'::regtype)), ARRAY[]::text[])
           ELSE ARRAY[]::text[] END
           || format('ALTER SEQUENCE %s AS bigint NO %s', name, CASE WHEN rises THEN 'MAXVALUE' ELSE 'MINVALUE' END) END,
       NULL::text[], NULL::jsonb, NULL::text
  FROM used
 CROSS JOIN LATERAL (
      SELECT abs(top) >= 9223372036854775807 AS is_least,
             coalesce(trunc(top) IN (power(2::numeric, width - 1) - 1, -power(2::numeric, width - 1)), false) AS is_narrow) AS k
 WHERE share >= 0.75
 ORDER BY 1;
