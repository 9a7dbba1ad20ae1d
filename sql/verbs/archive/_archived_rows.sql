-- How many rows a row of the archive stands for, see nodes_archive_packs.sql. An expression.
CASE WHEN action LIKE '% packed' AND jsonb_typeof(cells) = 'array' THEN jsonb_array_length(cells) ELSE 1 END
