-- Where the next batch ends in the table of what was found, which nobody changes.
SELECT max(place)::text, count(*)
  FROM (SELECT ctid AS place FROM {work} WHERE ctid > {after}::tid LIMIT {size}) AS next;
