-- What a code file has made, and its text, as bytes: whatever the database's encoding is, they are the file's.
INSERT INTO sqlrail.code (records_in, name, kind, identity, checksum, content, options)
VALUES ({records_in}, {file}, {kind}, {identity}, {checksum}, decode({content}, 'hex'), {options}::text[])
ON CONFLICT (records_in, name) DO UPDATE
   SET kind = excluded.kind, identity = excluded.identity, checksum = excluded.checksum, content = excluded.content,
       options = excluded.options, made_at = now();
