-- Rows without a parent stay. A parent may be among the rows of the same table that go with them (q). Where no foreign
-- key guards it, it is locked: it must be there when we commit.
WITH parent AS (
    SELECT {keys}
      FROM {parent} AS p
     WHERE EXISTS (SELECT FROM {rows} AS r JOIN pg_temp.sqlrail_back AS b ON b.id = r.{id}
                    WHERE b.shape = {shape} AND NOT b.back AND b.why IS NULL AND {matches})
    {holding}
), marked AS (
    UPDATE pg_temp.sqlrail_back AS b SET why = {why}
      FROM {rows} AS r
     WHERE r.{id} = b.id AND b.shape = {shape} AND NOT b.back AND b.why IS NULL
       AND ({present}) AND NOT EXISTS (SELECT FROM parent AS p WHERE {matches}){siblings}
    RETURNING b.id
)
SELECT count(*) FROM marked;
