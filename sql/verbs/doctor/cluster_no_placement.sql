-- Tables with shards that lie on no node: their rows are gone, or were never brought there.
SELECT format('%I.%I', n.nspname, x.relname), 'shards',
       format('%s of its shards lie on no node: what asks for their rows fails', count(*)),
       'take the rows from a backup, or make the table anew',
       NULL::text[], NULL::text[], NULL::jsonb, NULL::text
  FROM pg_catalog.pg_dist_shard AS s
  JOIN pg_catalog.pg_class AS x ON x.oid = s.logicalrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
 WHERE {tables}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_placement AS p JOIN pg_catalog.pg_dist_node AS d USING (groupid)
                    WHERE p.shardid = s.shardid AND p.shardstate = 1)
 GROUP BY 1
 ORDER BY 1;
