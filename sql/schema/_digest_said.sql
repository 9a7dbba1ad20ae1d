-- What a digest is of: an object with its facts, the comments on it, and its privileges. An expression.
json_build_array(o.kind, o.name, o.facts, (SELECT c.by FROM comment AS c) ->> o.address,
                 (SELECT p.by FROM privilege AS p) ->> o.address)::text
