"""A PostgreSQL migration runner: plain SQL files, applied by yoyo, on guard rails."""

__version__ = "0.1.0"
