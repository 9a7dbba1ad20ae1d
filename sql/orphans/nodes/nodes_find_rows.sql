-- How many rows violate a constraint by themselves, each node counts its own: they stay there until they are deleted.
{writes}
CREATE {staging} AS
SELECT count(*) AS rows
  FROM {child} AS c
 WHERE {violates};
{ours}
