-- One part of a WITH.
WITH {first}
