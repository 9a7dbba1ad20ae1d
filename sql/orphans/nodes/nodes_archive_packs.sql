-- What the nodes have handed over, as packs into the archive; its action says that a row of it is many.
-- Packs are sorted, as in nodes_pack.sql; what is set for this server alone is sent to no other.
SELECT set_config('enable_hashagg', 'off', true);
WITH archived AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells)
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, concat({went_as}, ' packed'), to_jsonb(packed.cells)
      FROM ({packed}) AS packed
    RETURNING jsonb_array_length(cells) AS rows
)
SELECT set_config('sqlrail.cleaned', (SELECT {handed_over} FROM pg_temp.sqlrail_gone AS c)::text, true),
       set_config('sqlrail.archived', (SELECT coalesce(sum(rows), 0) FROM archived)::text, true);
SELECT set_config(name, reset_val, true) FROM pg_settings WHERE name IN ('default_toast_compression', 'enable_hashagg');
