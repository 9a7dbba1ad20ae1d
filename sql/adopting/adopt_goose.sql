-- What goose has run: of each version its newest row counts; see adopt_dbmate.sql. Its times are of its session's zone.
SELECT version::text, timezone('UTC', tstamp::timestamptz), NULL::text, false, NULL::text
  FROM (SELECT DISTINCT ON (version_id) version_id AS version, is_applied, tstamp
          FROM ONLY {history} ORDER BY version_id, id DESC) AS newest
 WHERE is_applied AND version > 0
 ORDER BY version;
