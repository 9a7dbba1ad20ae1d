-- For mark.sql, asked by each connection that shall lead to this database.
COMMENT ON DATABASE {database} IS {token};
