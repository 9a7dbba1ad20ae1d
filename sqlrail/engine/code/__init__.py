"""What code files make, made again behind the migrations in one transaction, with what leans on it."""
