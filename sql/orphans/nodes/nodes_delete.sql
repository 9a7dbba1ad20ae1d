-- Each node deletes the orphans among its own rows, which are in the archive by now: as many have to go as are there. They are
-- looked up by their keys, which costs a fraction of another look for parents.
{writes}
WITH {and_gone}deleted AS (
    DELETE FROM {child} AS c
     WHERE {is_staged}
    RETURNING 1
)
SELECT set_config('sqlrail.cleaned', (SELECT count(*) FROM deleted)::text, true);
{ours}
