-- What another tool has run, as its history calls it.
SELECT {version}::pg_catalog.text FROM ONLY {history} WHERE {version} IS NOT NULL LIMIT {most};
