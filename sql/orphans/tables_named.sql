-- Which tables the names lead to, in their order; null where there is none.
SELECT {named}::bigint FROM unnest({names}::text[]) WITH ORDINALITY AS named(name, n) ORDER BY n;
