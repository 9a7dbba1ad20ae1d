-- The keys of what was handed over. Under the locks every row with one of them is an orphan, and is among that.
found AS MATERIALIZED (SELECT DISTINCT {columns_staged} FROM pg_temp.sqlrail_gone AS c)
