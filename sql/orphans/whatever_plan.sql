-- And plans are what they are thought to be best again.
SET LOCAL enable_hashjoin TO DEFAULT;
SET LOCAL enable_nestloop TO DEFAULT;
SET LOCAL enable_sort TO DEFAULT;
SET LOCAL enable_seqscan TO DEFAULT;
