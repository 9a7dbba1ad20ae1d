-- A later statement than the lock's and hence a new snapshot: it sees what was committed before the lock was ours.
SELECT EXISTS (SELECT FROM {records} WHERE migration_hash = {hash}) AS applied;
