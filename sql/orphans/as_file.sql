-- What follows is an expression of somebody's: it means what it means in his file, or in the catalog. Names lead where they
-- do there, and settings that it may hang on are the session's own; but no policy hides a row from it.
{not_exact}
SET LOCAL row_security = off;
{names}
{search_path};
