-- The rows whose value does not come back from another type.
SELECT count(*)
  FROM (SELECT {columns} FROM ONLY {table}) AS {called}
 WHERE num_nonnulls({column}) > 0 AND ({value})::{old} IS DISTINCT FROM {column};
