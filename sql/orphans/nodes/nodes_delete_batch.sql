-- Each node deletes the orphans of a batch among its own rows, which anybody may write to, and hands over what it deleted.
-- Under any other xmloption, fragments are no xml.
SET LOCAL xmloption = content;
{writes}
CREATE TEMP TABLE sqlrail_gone ON COMMIT DROP AS
WITH {and_found}deleted AS (
    DELETE FROM {child} AS c
     WHERE {is_staged}
       AND {still}
    RETURNING c.*
)
SELECT * FROM deleted;
SET LOCAL xmloption TO DEFAULT;
{ours}
