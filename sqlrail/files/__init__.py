"""What a migration's file says: its statements, directives and keys, and what a linter says of it."""
