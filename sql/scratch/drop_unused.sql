-- Without FORCE: whoever has connected meanwhile keeps it.
DROP DATABASE IF EXISTS {database};
