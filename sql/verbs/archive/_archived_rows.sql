-- How many rows a row of the archive stands for, see nodes_archive_packs.sql. An expression.
CASE WHEN action LIKE '% packed'
     THEN (SELECT coalesce(max(jsonb_array_length(texts)), 1)
             FROM jsonb_each(CASE jsonb_typeof(cells -> 0) WHEN 'object' THEN cells -> 0 ELSE '{{}}' END) AS of_column(name, texts)
            WHERE jsonb_typeof(texts) = 'array')
     ELSE 1 END
