-- Each node deletes the orphans of a batch among its own rows, which anybody may write to, and hands over what it deleted.
{writes}
CREATE TEMP TABLE sqlrail_gone ON COMMIT DROP AS
WITH {and_found}deleted AS (
    DELETE FROM {child} AS c
     WHERE {is_staged}
       AND {still}
    RETURNING c.*
)
SELECT * FROM deleted;
{ours}
