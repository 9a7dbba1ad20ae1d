"""Work in batches of their own transactions: how large the next is, whom it waits for, when it may be interrupted."""
