"""Rows that a unique constraint would call equal: which of them goes, and what becomes of the rows that refer to it."""
