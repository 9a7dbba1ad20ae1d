-- What dbmate has run; it keeps no times. Rows are: version, time in UTC (NULL: not known), what is wrong with it (NULL:
-- nothing), whether all before it count as run, what the tool keeps of the file.
SELECT version::text, NULL::timestamp, NULL::text, false, NULL::text FROM ONLY {history} ORDER BY version;
