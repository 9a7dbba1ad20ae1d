-- Of the objects of a part those of some schemas, and those that lie in none.
SELECT * FROM (
{part}
) AS o(address, kind, schema, within, name, label, what, creates, inline, tail, drops, renames, local, loses, inherited, facts)
 WHERE o.schema = ANY ({schemas}::text[]) OR o.schema IS NULL
