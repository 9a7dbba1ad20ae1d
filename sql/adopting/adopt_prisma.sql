-- What Prisma has run, what was rolled back aside: of each migration its newest row counts; see adopt_dbmate.sql.
SELECT migration_name::text, timezone('UTC', finished_at::timestamptz), CASE WHEN finished_at IS NULL THEN 'failed' END, false, checksum::text
  FROM (SELECT DISTINCT ON (migration_name) * FROM ONLY {history}
         WHERE rolled_back_at IS NULL ORDER BY migration_name, started_at DESC) AS newest
 ORDER BY started_at;
