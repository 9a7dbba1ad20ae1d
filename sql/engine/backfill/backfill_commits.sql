-- Whether the commit of a batch waits for the disk. A crash of the server may lose the last batches with their checkpoint, and
-- the record at the end waits for all. But what another node has committed in two phases is on its disk, and would be done
-- again without its checkpoint.
SET LOCAL synchronous_commit = {commits};
