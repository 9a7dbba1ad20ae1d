"""What the command line has for each verb: its flags, its call, its exit code; a module a verb."""
