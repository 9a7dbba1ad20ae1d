-- Those that go by earlier indexes and by one more. What was to stay may go now, and another stays for both.
SELECT one.part, one.tid, coalesce(next.kept_part, one.kept_part) AS kept_part, coalesce(next.kept_tid, one.kept_tid) AS kept_tid{merged}
  FROM {gone} AS one
  LEFT JOIN {met} AS next ON next.part = one.kept_part AND next.tid = one.kept_tid
UNION ALL
SELECT part, tid, kept_part, kept_tid{carried} FROM {met}
