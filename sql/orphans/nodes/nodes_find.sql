-- How many orphans the nodes find, each among its own rows: they stay there until they are deleted.
{recover}
{writes}
CREATE {staging} AS
SELECT count(*) AS rows
  FROM {child} AS c
 WHERE {violates};
{ours}
