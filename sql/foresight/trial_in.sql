-- The rows for its twin: no rule and no row-level trigger that is switched off acts on them.
COPY {table} {columns} FROM STDIN;
