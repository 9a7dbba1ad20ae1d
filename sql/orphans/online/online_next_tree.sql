-- The same where an orphan has to go together with the rows below it, which stand behind it: a key of theirs keeps it else.
WITH size AS (
    SELECT max(place) AS place
      FROM (SELECT ctid AS place FROM {work} WHERE ctid > {after}::tid LIMIT {size}) AS next
), following AS (
    SELECT (SELECT ctid FROM {work} WHERE ctid > size.place AND NOT is_below LIMIT 1) AS root FROM size
)
SELECT max(w.ctid)::text, count(*)
  FROM {work} AS w, following
 WHERE w.ctid > {after}::tid AND w.ctid < coalesce(following.root, '(4294967294,65535)'::tid);
