-- The same where the schema's name stands nowhere, neither before a dot nor as its own: two schemas that have the same
-- objects say the same. Within JSON a quoted name has backslashes. An expression.
CASE o.kind WHEN 'schema' THEN json_build_array(o.kind, o.facts, (SELECT c.by FROM comment AS c) ->> o.address,
                                                (SELECT p.by FROM privilege AS p) ->> o.address)::text
            ELSE replace({said}, btrim(to_json(quote_ident(o.schema) || '.')::text, '"'), chr(1)) END
