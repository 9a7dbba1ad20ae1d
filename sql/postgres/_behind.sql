-- A schema, and behind it what the role's search_path leads to anyway. An expression.
pg_catalog.concat({own}, CASE WHEN pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.<>) '' THEN ', ' END,
                  pg_catalog.current_setting('search_path'))
