-- The schemas that Citus shards, each on one node with all of its tables; it knows of such since 12.
(SELECT said::oid AS oid
   FROM string_to_table(substring(CASE WHEN to_regclass('pg_catalog.pg_dist_schema') IS NOT NULL THEN query_to_xml(
            'SELECT string_agg(schemaid::text, '';'') AS sharded FROM pg_catalog.pg_dist_schema', false, true, '')::text
        END FROM '<sharded>([^<]*)<'), ';') AS said)
