-- What is said to whoever has renamed a table since its rows were archived.
UPDATE sqlrail.archive SET source = 'schema.new_name' WHERE run = {run} AND source = {source}
