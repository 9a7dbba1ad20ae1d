-- What forbids a cleanup whatever is cleaned. Elements of an array.
-- What another has hung on the archive may keep rows out of it; none of ours is there.
(SELECT format('sqlrail.%I has triggers or rules, which may keep rows out of the archive', min(c.relname))
   FROM pg_catalog.pg_class AS c
  WHERE c.relnamespace = to_regnamespace('sqlrail') AND c.relname IN ('archive', 'run')
    AND (EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
         OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = c.oid))
 HAVING count(*) > 0),
-- Keys and triggers would not act, and rows be left behind that they should have taken along.
CASE WHEN current_setting('session_replication_role') = 'replica'
    THEN 'session_replication_role is replica, so no foreign key acts' END
