-- Of the rows in some of the child's pages, which each node picks among its own, how many are orphans. A key has one parent
-- at the most, so no row is counted twice.
-- As archive_format.sql has it, to the end of the look: what is set for all nodes is sent on each connection to each of them.
SELECT set_config('row_security', 'off', true);
SELECT count(*), count(*) FILTER (WHERE {has_key} AND {parent_is_missing})
  FROM {child} AS c TABLESAMPLE SYSTEM ({percent})
  LEFT JOIN {parent} AS p ON {matches};
