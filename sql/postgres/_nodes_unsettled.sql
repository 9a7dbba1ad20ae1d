-- Why this role, or this cluster, cannot settle what is in doubt on other nodes; an array.
array_remove(ARRAY[
    -- What is committed, and is not yet on its node, would be missed.
    CASE WHEN NOT has_function_privilege('pg_catalog.recover_prepared_transactions()', 'EXECUTE')
        THEN format('what is committed may be in doubt on a node still, and this role may not settle it: GRANT EXECUTE ON '
                    'FUNCTION recover_prepared_transactions() TO %I', current_user) END,
    CASE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_dist_node WHERE groupid = 0)
        THEN 'the coordinator is not among its own nodes, so what it left in doubt on others cannot be settled: SELECT '
             'citus_set_coordinator_host(...)' END
], NULL)
