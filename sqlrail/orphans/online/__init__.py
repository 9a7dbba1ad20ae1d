"""The cleanup of big live tables, batch by batch."""
