-- Which environment's database this is; one that was said before stays, unless it is to be overwritten.
INSERT INTO sqlrail.stamp (environment, stamped_by) VALUES ({environment}, {actor})
ON CONFLICT (one) DO UPDATE
   SET environment = excluded.environment, stamped_at = now(), stamped_by = excluded.stamped_by
 WHERE {overwrite};
