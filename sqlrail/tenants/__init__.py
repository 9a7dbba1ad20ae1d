"""A verb for each of many tenants: which they are, in what order and how many at once, and what became of each."""
