-- Where what code files have made is now: name, class and id; nothing for what is gone.
SELECT r.name, o.class::bigint, o.id::bigint
  FROM sqlrail.code AS r
  JOIN ({code_objects}) AS o ON o.kind = r.kind AND o.identity = r.identity
 WHERE r.records_in = {records_in} AND r.name = ANY ({names}::text[]);
