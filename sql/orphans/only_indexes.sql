-- Indexes are merged, whatever that is thought to cost.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_nestloop = off;
SET LOCAL enable_sort = off;
SET LOCAL enable_seqscan = off;
