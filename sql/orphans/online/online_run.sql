-- The run, one for all of its batches.
INSERT INTO sqlrail.run (verb, actor) VALUES ('cleanup', {actor}) RETURNING id;
