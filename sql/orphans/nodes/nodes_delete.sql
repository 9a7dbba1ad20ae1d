-- Each node deletes the orphans among its own rows, which are in the archive by now: as many have to go as are there.
{writes}
WITH {and_found}deleted AS (
    DELETE FROM {child} AS c
     WHERE {is_staged}
       AND {still}
    RETURNING 1
)
SELECT set_config('sqlrail.cleaned', (SELECT count(*) FROM deleted)::text, true);
{ours}
