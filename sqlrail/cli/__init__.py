"""The command line: its parser, what is said while a verb runs, and what it prints at its end."""
