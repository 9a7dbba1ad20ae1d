-- What a code file has made is another one's from here on, whose name the file has now.
UPDATE sqlrail.code AS r SET name = {new} WHERE r.records_in = {records_in} AND r.name = {old};
