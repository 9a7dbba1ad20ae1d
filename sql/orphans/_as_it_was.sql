-- A row with a key that no transaction has written which a look may have missed: it is as the look saw it, unless the table
-- was written anew.
{has_key}
       AND NOT ({is_new})
