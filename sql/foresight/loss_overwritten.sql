-- The rows whose value an UPDATE overwrites with another.
SELECT count(*)
  FROM ({query}) AS doomed
 WHERE num_nonnulls(doomed."sqlrail old") > 0 AND doomed."sqlrail new"::{old} IS DISTINCT FROM doomed."sqlrail old";
