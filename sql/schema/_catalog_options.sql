-- What of a sequence s says more than its type does, for CREATE SEQUENCE and GENERATED AS IDENTITY.
  CROSS JOIN LATERAL (
      SELECT CASE format_type(s.seqtypid, NULL) WHEN 'smallint' THEN 32767 WHEN 'integer' THEN 2147483647
                  ELSE 9223372036854775807 END::bigint AS top) AS t
  CROSS JOIN LATERAL (
      SELECT CASE WHEN s.seqincrement > 0 THEN 1 ELSE -t.top - 1 END AS least,
             CASE WHEN s.seqincrement > 0 THEN t.top ELSE -1 END AS most) AS b
  CROSS JOIN LATERAL (
      SELECT concat(CASE WHEN s.seqincrement <> 1 THEN ' INCREMENT BY ' || s.seqincrement END,
                    CASE WHEN s.seqmin <> b.least THEN ' MINVALUE ' || s.seqmin END,
                    CASE WHEN s.seqmax <> b.most THEN ' MAXVALUE ' || s.seqmax END,
                    CASE WHEN s.seqstart <> CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END
                         THEN ' START WITH ' || s.seqstart END,
                    CASE WHEN s.seqcache <> 1 THEN ' CACHE ' || s.seqcache END, CASE WHEN s.seqcycle THEN ' CYCLE' END) AS options) AS o
