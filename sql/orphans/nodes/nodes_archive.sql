-- What the nodes have handed over, into the archive.
WITH archived AS (
    INSERT INTO sqlrail.archive (run, relation, source, action, cells{and_became})
    SELECT current_setting('sqlrail.run')::bigint, {relation}, {source}, {went_as}, {cells}{and_what_became}
      FROM pg_temp.sqlrail_gone AS c
    RETURNING action
)
SELECT set_config('sqlrail.cleaned', (SELECT count(*) FROM pg_temp.sqlrail_gone)::text, true),
       set_config('sqlrail.archived', (SELECT count(*) FROM archived)::text, true);
