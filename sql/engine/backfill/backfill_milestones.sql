-- Every so-manieth key of each shard behind a key, in the order of all: as many rows of the table lie between two of them, about.
-- Beyond the first shard's last one there may be others that it has not told of. Were all shards asked for the keys of a batch
-- alone, each would hand over as many as the batch has, for any of them may have the next ones.
WITH told AS MATERIALIZED (
    SELECT {read}, key.number = {most} AS is_last
      FROM run_command_on_shards({table}::bigint::oid::regclass,
               -- It is given to format() with the shard's name.
               replace(replace({command}, '%', '%%'), {shard}, '%1$s'), false) AS answer
     CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN answer.success THEN answer.result::jsonb ELSE '[]' END) WITH ORDINALITY AS key (texts, number)
)
SELECT ARRAY[{texts}]
  FROM (SELECT told.*, count(*) FILTER (WHERE is_last) OVER (ORDER BY {keys} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS sqlrail_over
          FROM told) AS t
 WHERE sqlrail_over = 0 AND ({behind}) AND {within}
 ORDER BY {keys};
