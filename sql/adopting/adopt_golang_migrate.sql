-- The last version that golang-migrate has run, or begun; see adopt_dbmate.sql.
SELECT version::text, NULL::timestamp, CASE WHEN dirty THEN 'dirty' END, true, NULL::text FROM ONLY {history};
