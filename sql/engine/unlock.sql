-- Takes the row of our lock away, which plain yoyo looks at.
DELETE FROM {lock} WHERE locked = 1;
