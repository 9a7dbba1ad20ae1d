-- What code files have made here: name, checksum, what it was, and whether that is still there.
SELECT r.name, r.checksum, r.kind, r.identity,
       EXISTS (SELECT FROM ({code_objects}) AS o WHERE o.kind = r.kind AND o.identity = r.identity) AS is_there
  FROM sqlrail.code AS r
 WHERE r.records_in = {records_in}
 ORDER BY r.name;
