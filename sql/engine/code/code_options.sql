-- The options with which code files have made things, to be told from those that somebody has set since.
SELECT r.name, r.options FROM sqlrail.code AS r WHERE r.records_in = {records_in};
