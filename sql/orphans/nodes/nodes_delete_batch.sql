-- Each node deletes the orphans among its own rows, and hands over what it deleted: those of a batch, which anybody may write
-- to meanwhile, or under the locks all of them, where they are few.
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
