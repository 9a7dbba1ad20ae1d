-- What was found, for the guards. The child's rows are counted only where it matters, and only as far.
SELECT CASE WHEN orphans + {earlier} > {max_rows} THEN
           {enough} END,
       orphans, {has_parents}
  FROM (SELECT {found} AS orphans FROM {work}) AS staged;
