-- Beside a record what takes it back, with an entry of the log that has its digest, and the record's own time: what was kept
-- for an earlier record of the same name has another.
, kept AS (
    INSERT INTO sqlrail.rollback AS r (records_in, migration_hash, transactional, depends, content)
    SELECT {records_in}, migration_hash, {transactional}, {depends}::pg_catalog.text[], pg_catalog.decode({content}, 'hex')
      FROM record
    ON CONFLICT (records_in, migration_hash) DO UPDATE
       SET transactional = excluded.transactional, depends = excluded.depends, content = excluded.content
), digested AS (
    INSERT INTO {log} (id, migration_id, operation, username, hostname, comment, created_at_utc)
    SELECT {digested}, migration_id, 'kept', pg_catalog.left({username}, 255), pg_catalog.left({hostname}, 255),
           {digest}, applied_at_utc
      FROM record
)
