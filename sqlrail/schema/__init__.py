"""What makes up a schema, and the statements that make one like another."""
