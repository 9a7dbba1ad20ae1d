-- The same of a type that has no operator for equal values.
SELECT count(*)
  FROM (SELECT {columns} FROM ONLY {table}) AS {called}
 WHERE num_nonnulls({column}) > 0 AND ({value})::{old}::text IS DISTINCT FROM {column}::text;
