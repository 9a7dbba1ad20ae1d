-- A value that the column's type of today would not spell as it was archived is not the same value: its type has
-- changed. Cells go in by assignment, which refuses what an explicit cast would cut off.
{writes}
WITH cell AS MATERIALIZED (
    SELECT b.id, a.cells, {changed} AS changed
      FROM pg_temp.sqlrail_back AS b
      JOIN sqlrail.archive AS a USING (id)
     WHERE b.shape = {shape} AND b.n BETWEEN {first} AND {last}
), differs AS (
    UPDATE pg_temp.sqlrail_back AS b SET final = true, why = pg_catalog.format({why}, changed)
      FROM cell
     WHERE b.id = cell.id AND changed IS NOT NULL AND NOT {force}
)
INSERT INTO {stored} ({id}{names}) SELECT id{values} FROM cell WHERE changed IS NULL OR {force};
{ours}
