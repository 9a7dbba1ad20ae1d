-- Of both ways: what went all the way is not half done in the other.
DELETE FROM sqlrail.progress WHERE records_in = {records_in} AND migration_hash = {hash};
