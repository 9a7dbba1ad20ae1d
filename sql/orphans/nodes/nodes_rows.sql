-- How many rows the child has, each node counts its own; asked only where the orphans are so many that it matters.
SELECT count(*) FROM {child};
