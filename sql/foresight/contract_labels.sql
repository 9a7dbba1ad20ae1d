-- The labels of all enums, by their types' names.
SELECT format_type(e.enumtypid, NULL) AS type, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
  FROM pg_enum AS e
 GROUP BY e.enumtypid;
