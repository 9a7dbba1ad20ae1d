-- Orphans that are many, each node's written as cells there, under the settings of archive_format.sql, which it was told. They are
-- handed over as the archive keeps them: a pack is an array of some hundred of them as text.
-- A pack is of one range of hashes, and so of one shard or of few.
-- Packs are sorted: a hash table would keep all of them in memory at once.
SET LOCAL enable_hashagg = off;
-- Under any other xmloption, fragments are no xml.
SET LOCAL xmloption = content;
{writes}
CREATE TEMP TABLE sqlrail_gone ON COMMIT DROP AS
SELECT count(*) AS rows, pg_catalog.array_agg(one.cells) AS cells
  FROM (SELECT {hash_range} AS hash_range, {cells_as_text} AS cells, random() AS at
          FROM {child} AS c
         WHERE {violates}) AS one
 GROUP BY one.hash_range, {pack};
SET LOCAL xmloption TO DEFAULT;
SET LOCAL enable_hashagg TO DEFAULT;
{ours}
