-- What was made by files that are gone, and is gone as well.
DELETE FROM sqlrail.code AS r WHERE r.records_in = {records_in} AND r.name = ANY ({names}::text[]);
