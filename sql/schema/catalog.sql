-- Everything that makes up a schema, each object with the statements that make it, change it and drop it. OFFSET 0 has
-- what is behind it worked out once a row, and not in each place that it is used in. A row is
--   address    catalog/oid/sub, as in pg_depend; what has no entry there: <what>/catalog/oid/sub of what it belongs to
--   kind, schema, within (its table, or whatever it is shown under), name (its identity), label (for eyes)
--   what       as COMMENT ON and DROP call it
--   creates    the statement that makes it, and
--   inline     how it is said in the statement that makes what it lies in, if it can be
--   tail       what follows the list in parentheses, for what has one; of a column, how it becomes of its type when that
--              was made anew; of a sequence, how it goes on behind the rows that are there; of a link, which of its child's
--              parents it leads to; of an option, which of its table's it is
--   drops      the statement that drops it, where that is not DROP <what>
--   renames    the statement that renames it, up to the new name; and its own name, which another would take
--   loses      whether dropping it loses data
--   inherited  whether it comes with a parent or a partitioned table
--   facts      [name, value, statement that makes it so, value that a new one has]; without a statement it has to be
--              made again. What stands between so and end, which are filled in, is about the statement alone: a digest
--              has it as a comment
{begin}
{queries};
COMMIT;
