-- Of the objects of a part those that lie in some tables, or are these, or what else goes by the name.
SELECT * FROM (
{part}
) AS o(address, kind, schema, within, name, label, what, creates, inline, tail, drops, renames, local, loses, inherited, facts)
 WHERE coalesce(o.within, o.name) = ANY ({only}::text[])
