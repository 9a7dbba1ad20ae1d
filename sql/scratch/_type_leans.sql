-- The same of a column a: its type, or that of its array's elements. An expression. A type of PostgreSQL's own leans on
-- nothing: to look for it would read all types, of which each table makes two.
CASE WHEN a.atttypid < 16384::oid THEN '[]'::jsonb ELSE {leaning} END
