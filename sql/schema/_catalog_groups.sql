-- The tables of each group that lies together, by the digest that its tables name: once a group, for each of its tables
-- would have as many names as there are tables.
SELECT g.digest, g.names
  FROM {members} AS g
