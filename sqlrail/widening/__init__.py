"""Widening: the files that give a column a larger type, or NOT NULL, while the application is at work."""
