-- Asked once, before any row is updated: what goes is gone by then.
(SELECT count(*) FROM {named}) >= 0
