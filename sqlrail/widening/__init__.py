"""Widening: the files that give a column a larger type while the application is at work."""
