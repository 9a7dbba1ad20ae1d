"""Widening: the files that give a column another type, or NOT NULL, while the application is at work."""
