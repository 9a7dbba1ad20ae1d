-- What is said to whoever has renamed a column since its values were archived.
UPDATE sqlrail.archive SET cells = cells - {column} || jsonb_build_object('new_name', cells->{column}) WHERE run = {run} AND source = {source}
