"""Databases that are made, filled with what files build, looked at and dropped again."""
