-- Whether a default that is the same for every row names a parent.
SELECT EXISTS (SELECT FROM {parent} AS p WHERE {matches});
