"""Other tools' folders: which tool one is of, its files as files of ours, and what its history says of them."""
