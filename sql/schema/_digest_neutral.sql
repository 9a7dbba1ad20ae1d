-- The same where the schema's name stands nowhere, neither before a dot nor as its own: two schemas that have the same
-- objects say the same. In a literal its quotes are doubled, and within JSON those of a name have backslashes. An expression.
CASE o.kind WHEN 'schema' THEN json_build_array(o.kind, o.facts, (SELECT c.by FROM comment AS c) ->> o.address,
                                                (SELECT p.by FROM privilege AS p) ->> o.address)::text
            ELSE replace(replace({said}, btrim(to_json(quote_ident(o.schema) || '.')::text, '"'), chr(1)),
                         btrim(to_json(replace(quote_ident(o.schema), '''', '''''') || '.')::text, '"'), chr(1)) END
