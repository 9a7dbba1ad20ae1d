-- Sequences that columns of their own take numbers from, for a look whether rows hold higher ones already.
SELECT format('%I.%I', n.nspname, x.relname), a.attname,
       format('%I.%I', sn.nspname, s.relname) AS sequence,
       format('SELECT max(%1$I)::bigint, (SELECT last_value - 1 + is_called::int FROM %2$I.%3$I) FROM %4$I.%5$I',
              a.attname, sn.nspname, s.relname, n.nspname, x.relname),
       format('SELECT setval(%L, (SELECT max(%I) FROM %I.%I))', format('%I.%I', sn.nspname, s.relname), a.attname, n.nspname, x.relname)
  FROM pg_catalog.pg_depend AS d
  JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = s.oid AND q.seqincrement = 1 AND NOT q.seqcycle
  JOIN pg_catalog.pg_namespace AS sn ON sn.oid = s.relnamespace
  JOIN pg_catalog.pg_class AS x ON x.oid = d.refobjid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.oid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
   AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
   -- An index that begins with the column has its end at hand; without one every row would be read.
   AND EXISTS (SELECT FROM pg_catalog.pg_index AS i
                WHERE i.indrelid = x.oid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL)
   AND {tables}
 ORDER BY 1, 2;
