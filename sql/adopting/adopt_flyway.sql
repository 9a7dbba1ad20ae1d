-- What Flyway has run: of each version, and of each repeatable script, its newest row counts, and a failed undo as a
-- failure; see adopt_dbmate.sql.
SELECT coalesce(version, script)::text, timezone('UTC', installed_on::timestamptz), CASE WHEN NOT success THEN 'failed' END,
       type = 'BASELINE', checksum::text
  FROM (SELECT DISTINCT ON (coalesce(version, script)) * FROM ONLY {history}
         WHERE type <> 'SCHEMA' ORDER BY coalesce(version, script), installed_rank DESC) AS newest
 WHERE (type NOT LIKE 'UNDO%' OR NOT success) AND type <> 'DELETE'
 ORDER BY installed_rank;
