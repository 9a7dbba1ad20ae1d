-- Once more: somebody may have written the row meanwhile.
AND {matches} AND {untouched}
