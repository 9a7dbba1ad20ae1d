-- What the nodes have handed over, some hundred rows in one of the archive, whose action says that it is a pack: for each column
-- an array of what its cells are as text. It is an array itself, so that an older sqlrail does not take it for a row.
-- Which pack a row is in is left to chance, for rows may all be alike; one that is long as text has more packs for its like to
-- choose from, so that none grows beyond what an array holds. A row that is long as it lies there is one of its own: nothing
-- is won by packing it.
-- Packs are sorted, not hashed, which would keep all of them in memory at once; and compressed as quickly as this server can.
-- What is set here is sent to no node.
SELECT set_config('enable_hashagg', 'off', true);
SELECT set_config(name, 'lz4', true) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals);
WITH packed AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells)
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, concat({went_as}, ' packed'), jsonb_build_array({columns_packed})
      FROM (SELECT {texts}, random() AS at
              FROM pg_temp.sqlrail_gone AS c
             WHERE pg_column_size(c.*) <= 8192) AS one
     GROUP BY ceil(one.at * {packs} * greatest(1, ({letters}) / 16384))
    RETURNING jsonb_array_length(cells -> 0 -> {first}) AS rows
), single AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells)
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, {went_as}, {cells}
      FROM pg_temp.sqlrail_gone AS c
     WHERE pg_column_size(c.*) > 8192
    RETURNING action
)
SELECT set_config('sqlrail.cleaned', (SELECT count(*) FROM pg_temp.sqlrail_gone)::text, true),
       set_config('sqlrail.archived', ((SELECT coalesce(sum(rows), 0) FROM packed) + (SELECT count(*) FROM single))::text, true);
SELECT set_config(name, reset_val, true) FROM pg_settings WHERE name IN ('default_toast_compression', 'enable_hashagg');
