-- For whoever works in it; it goes with the database.
ALTER ROLE SESSION_USER IN DATABASE {database} SET {setting} = {value};
