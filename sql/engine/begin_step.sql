-- For a statement outside the file's own transactions, in one of its own with its note. A crash loses both or neither, so
-- the disk is not waited for each time: the record at the end waits for all of it.
SET LOCAL synchronous_commit = off;
