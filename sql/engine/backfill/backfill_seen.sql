-- On Citus the batch is seen through a view: what is no table of the statement's own is handed to the nodes as a whole, wherever
-- the statement names it. A table of this node's alone is refused in many places. The view goes with its table.
CREATE TEMPORARY VIEW sqlrail_batch AS TABLE pg_temp.sqlrail_keys;
