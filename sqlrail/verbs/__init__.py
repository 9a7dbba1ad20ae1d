"""One module a verb: what it is asked for becomes a result, of which nothing is printed here."""
