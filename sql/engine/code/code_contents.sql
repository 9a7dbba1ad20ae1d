-- The texts of the code files that have made what is there, as they were then.
SELECT r.name, encode(r.content, 'hex') FROM sqlrail.code AS r WHERE r.records_in = {records_in} ORDER BY r.name;
