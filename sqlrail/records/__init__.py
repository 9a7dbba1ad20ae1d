"""What the database says was run, held against the folder."""
