-- Which pack a row is in: any, for rows may all be alike. A long row has more to choose from, so that none grows beyond what an
-- array holds. An expression.
ceil(one.at OPERATOR(pg_catalog.*) {packs}::float8 OPERATOR(pg_catalog.*) greatest(1, octet_length(one.cells) / 16384)::float8)
