-- What is a table x in the schema n, and neither PostgreSQL's, an extension's, yoyo's nor sqlrail's.
{ours}
   AND x.relkind IN ('r', 'p') AND x.relpersistence <> 't'
   AND x.oid NOT IN ({bookkeeping})
