"""Runs files: the runners' lock, the transaction, what goes outside one, and the record of it."""
