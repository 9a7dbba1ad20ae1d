-- A shape for those rows of another one that are still there.
INSERT INTO pg_temp.sqlrail_shape (shape, relation, source, kind, columns, rows)
SELECT {shape}, relation, source, 'changed', columns, rows FROM pg_temp.sqlrail_shape WHERE shape = {of};
