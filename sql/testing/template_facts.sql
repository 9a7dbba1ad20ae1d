-- How to copy it, and how large a copy is.
SELECT current_setting('fsync')::boolean AS is_durable, pg_database_size({template}) AS size;
