-- The packs that were handed over.
SELECT cells FROM pg_temp.sqlrail_gone
