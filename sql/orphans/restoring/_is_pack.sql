-- Whether a row of the archive that says it is a pack is one, see nodes_archive_packs.sql: as many cells in each of its columns.
-- An expression.
(SELECT count(*) FILTER (WHERE jsonb_typeof(texts) <> 'array') = 0
        AND count(DISTINCT jsonb_array_length(CASE jsonb_typeof(texts) WHEN 'array' THEN texts ELSE '[]' END)) = 1
   FROM jsonb_each(CASE jsonb_typeof(cells -> 0) WHEN 'object' THEN cells -> 0 ELSE '{{}}' END) AS of_column(name, texts))
