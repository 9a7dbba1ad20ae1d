-- What node-pg-migrate has run; see adopt_dbmate.sql. Its times are of its session's zone.
SELECT name::text, timezone('UTC', run_on::timestamptz), NULL::text, false, NULL::text FROM ONLY {history} ORDER BY run_on, id;
