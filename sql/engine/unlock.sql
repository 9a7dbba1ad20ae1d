DELETE FROM {lock} WHERE locked = 1;
