-- Whether this transaction, or a part of it, has written the row that is seen with that xmin. Of transactions that began later
-- those that are committed may be seen too, so that being later is not enough. An expression.
CASE WHEN age({xmin}) > age((txid_current() % 4294967296)::text::xid) THEN false
     ELSE txid_status(txid_current() + age((txid_current() % 4294967296)::text::xid) - age({xmin})) = 'in progress' END
