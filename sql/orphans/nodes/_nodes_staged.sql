-- A row whose key is among those that were found, wherever its node is.
{has_key}
       AND EXISTS (SELECT 1 FROM {found} AS o WHERE {is_found})
