-- The statement that nodes_delete_many.sql has executed.
DELETE FROM {child} AS c WHERE {violates}
