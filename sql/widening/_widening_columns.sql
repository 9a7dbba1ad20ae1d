-- The columns that are widened, the named one first: schema, table and column as they are called and as SQL spells them; type,
-- also by its numbers; whether that is composite; collation; whether it is generated; kind of relation; a unique key of all rows
-- for the backfill; the sequence of an identity column, and whether others than its owner may use it; names that are taken in the
-- table, those of generated columns among them, and among its constraints, and in its schema; what the catalog's other queries
-- leave out of what depends on the column; keys that lead to it from columns of other types.
WITH RECURSIVE {widened}
SELECT n.nspname::text, quote_ident(n.nspname), c.relname::text, format('%I.%I', n.nspname, c.relname), a.attname::text, quote_ident(a.attname),
       format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod,
       (SELECT y.typcategory = 'C' FROM pg_catalog.pg_type AS y WHERE y.oid = a.atttypid), a.attcollation, a.attgenerated <> '', c.relkind::text,
       (SELECT array_agg(k.attname::text ORDER BY u.place)
          FROM (SELECT i.indexrelid, i.indkey FROM pg_catalog.pg_index AS i
                  JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
                  JOIN pg_catalog.pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
                 WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
                   -- as backfill_facts.sql asks for it
                   AND (SELECT bool_and(o.attnotnull AND p.opcdefault AND l.sorted_by = o.attcollation)
                          FROM unnest(i.indkey::smallint[], i.indclass::oid[], i.indcollation::oid[])
                          WITH ORDINALITY AS l (number, class, sorted_by, place)
                          JOIN pg_catalog.pg_attribute AS o ON o.attrelid = c.oid AND o.attnum = l.number
                          JOIN pg_catalog.pg_opclass AS p ON p.oid = l.class
                         WHERE l.place <= i.indnkeyatts)
                   AND (SELECT count(DISTINCT o.option & 1) FROM unnest(i.indoption::smallint[]) AS o (option)) = 1
                 ORDER BY i.indisprimary DESC, x.relname LIMIT 1) AS best
         CROSS JOIN LATERAL unnest(best.indkey) WITH ORDINALITY AS u(attnum, place)
          JOIN pg_catalog.pg_attribute AS k ON k.attrelid = c.oid AND k.attnum = u.attnum
         WHERE u.place <= (SELECT i.indnkeyatts FROM pg_catalog.pg_index AS i WHERE i.indexrelid = best.indexrelid)),
       s.name, coalesce(s.is_granted, false),
       (SELECT array_agg(o.attname::text) FROM pg_catalog.pg_attribute AS o WHERE o.attrelid = c.oid AND o.attnum > 0 AND NOT o.attisdropped),
       (SELECT array_agg(o.attname::text) FROM pg_catalog.pg_attribute AS o WHERE o.attrelid = c.oid AND o.attgenerated <> ''),
       (SELECT array_agg(t.tgname::text) FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
       (SELECT array_agg(o.conname::text) FROM pg_catalog.pg_constraint AS o WHERE o.conrelid = c.oid),
       (SELECT array_agg(o.name::text)
          FROM (SELECT x.relname FROM pg_catalog.pg_class AS x WHERE x.relnamespace = n.oid AND x.relname ~ '_(new|old)$'
                UNION ALL SELECT p.proname FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = n.oid AND p.proname ~ '^widen_') AS o(name)),
       (SELECT array_agg(DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) || ', an extension''s,')
          FROM pg_catalog.pg_depend AS d
          LEFT JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
          JOIN pg_catalog.pg_depend AS e ON e.deptype = 'e' AND e.classid = CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::regclass END
           AND e.objid = coalesce(r.ev_class, d.objid)
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)
       || (SELECT array_agg('the security label of ' || l.provider) FROM pg_catalog.pg_seclabel AS l
            WHERE l.classoid = 'pg_catalog.pg_class'::regclass AND l.objoid = c.oid AND l.objsubid = a.attnum),
       (SELECT array_agg(format('%I.%I.%I, a %s', fn.nspname, f.relname, o.attname, format_type(o.atttypid, o.atttypmod)) ORDER BY 1)
          FROM pg_catalog.pg_constraint AS fk
         CROSS JOIN LATERAL unnest(fk.conkey, fk.confkey) AS pair(child, parent)
          JOIN pg_catalog.pg_class AS f ON f.oid = fk.conrelid
          JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
          JOIN pg_catalog.pg_attribute AS o ON o.attrelid = f.oid AND o.attnum = pair.child
         WHERE fk.contype = 'f' AND fk.confrelid = c.oid AND pair.parent = a.attnum
           AND o.atttypid NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype))
  FROM widened AS w
  JOIN pg_catalog.pg_class AS c ON c.oid = w.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = w.attnum
  LEFT JOIN LATERAL (
      SELECT format('%I.%I', sn.nspname, x.relname) AS name, x.relacl IS NOT NULL AS is_granted
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_class AS x ON x.oid = d.objid AND x.relkind = 'S'
        JOIN pg_catalog.pg_namespace AS sn ON sn.oid = x.relnamespace
       WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'i' AND d.refclassid = d.classid
         AND d.refobjid = c.oid AND d.refobjsubid = a.attnum) AS s ON true
 ORDER BY (n.nspname = {schema} AND c.relname = {table} AND a.attname = {column}) DESC, 4, 6
