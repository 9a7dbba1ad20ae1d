-- Whether the partition still belongs to its table, if only until somebody finishes its detaching, and what does that.
SELECT i.inhdetachpending, format('ALTER TABLE %s DETACH PARTITION %s FINALIZE', i.inhparent::regclass, i.inhrelid::regclass)
  FROM pg_catalog.pg_inherits AS i
 WHERE i.inhrelid = {partition} AND i.inhparent = {parent};
