-- The same, in whose plan a subquery shows; and that the expression is volatile, or else its query would have become one with
-- the other.
EXPLAIN (FORMAT JSON) SELECT FROM (SELECT ({expression}) AS value FROM ({rows}) AS {table}) AS sqlrail_volatile WHERE value IS NULL
