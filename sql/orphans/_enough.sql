-- How many rows the child has, counted only as far as tells whether so many are too large a share of them.
(SELECT count(*) FROM (SELECT FROM {child}
                    LIMIT least(ceil({many} / nullif({max_share}::float8, 0)) + 1, 1e18)) AS enough)
