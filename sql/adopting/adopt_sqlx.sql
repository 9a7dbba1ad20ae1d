-- What sqlx has run; see adopt_dbmate.sql.
SELECT version::text, timezone('UTC', installed_on::timestamptz), CASE WHEN NOT success THEN 'failed' END, false, encode(checksum, 'hex')
  FROM ONLY {history} ORDER BY version;
