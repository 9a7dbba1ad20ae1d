-- Whether ranges of equals overlap: in the order of their lower ends one does if it begins before the last end so far. It
-- sorts once, where to compare each with each takes ages.
SELECT count(*) AS rows
  FROM (SELECT {span} AS span, count(*) OVER before > 0 AS has_others, bool_or(upper_inf({span})) OVER before AS is_endless,
               max(upper({span})) OVER before AS last, max(upper({span})) FILTER (WHERE upper_inc({span})) OVER before AS last_within
          FROM {rows} AS {alias}
         WHERE {condition} AND NOT isempty({span})
        WINDOW before AS (PARTITION BY {parts} ORDER BY {span} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
       ) AS spans
 WHERE is_endless OR has_others AND lower_inf(span) OR lower(span) < last OR lower_inc(span) AND lower(span) = last_within;
