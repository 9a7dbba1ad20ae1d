"""Orphans, and rows that violate a NOT NULL or a CHECK: what the catalog says of them, and what cleans them."""
