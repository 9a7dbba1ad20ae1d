"""Rows whose parents are gone: what the catalog says of a relation, and the statements that clean it."""
