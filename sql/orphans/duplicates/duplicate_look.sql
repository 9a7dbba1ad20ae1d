-- A look for duplicates, and for what would become of the rows that refer to them. Reads only.
WITH {stages}
{told};
