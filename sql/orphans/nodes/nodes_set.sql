-- Each node sets the columns of the orphans among its own rows, and hands over what these were and what became of the columns.
-- No node locks rows before it changes them: what they were says the same row "o". Where somebody has written it meanwhile it
-- is not the same any more, and is left alone.
-- Under any other xmloption, fragments are no xml.
SET LOCAL xmloption = content;
{writes}
CREATE TEMP TABLE sqlrail_gone ON COMMIT DROP AS
WITH {and_found}changed AS (
    UPDATE {child} AS c SET {changes}
      FROM {child} AS o
     WHERE {is_same}
       AND pg_catalog.record_image_eq(ROW({now}), ROW({before}))
       AND {is_staged}
       AND {still}
    RETURNING {before}, {new}
)
SELECT * FROM changed;
SET LOCAL xmloption TO DEFAULT;
{ours}
