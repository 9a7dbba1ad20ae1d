-- The rows of one live table, and not of those that inherit from it.
COPY {table} {columns} TO STDOUT;
