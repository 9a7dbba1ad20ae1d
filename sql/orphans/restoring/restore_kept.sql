-- Rows that were archived as deleted by a key, and that another key had emptied before it could find them.
UPDATE pg_temp.sqlrail_back AS b SET shape = {shape}
  FROM {rows} AS r
 WHERE r.{id} = b.id AND b.shape = {of} AND EXISTS (SELECT FROM {target} AS p WHERE {matches} AND {untouched} AND ({emptied}));
