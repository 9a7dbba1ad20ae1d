-- An index in an order of before does not find what is in it: "stale" has the collations that the indexes were made by.
format('%s sorted by the %s, which had version %s when its indexes were made, and has %s now, so '
       'that they may not find what is there: REINDEX what is sorted by it, then %s',
       {what}, min(stale.name), min(recorded), coalesce(min(actual), 'none'), min(refresh))
