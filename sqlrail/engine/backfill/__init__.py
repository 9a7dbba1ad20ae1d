"""One statement of a file over all rows of a table, batch by batch: each with its checkpoint in one transaction."""
