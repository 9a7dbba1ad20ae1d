-- What the run has found and deleted, this batch included.
UPDATE sqlrail.run SET relations = {relations} WHERE id = {run};
