-- What nodes_enough.sql has counted.
nullif(current_setting('sqlrail.rows'), '')::bigint
