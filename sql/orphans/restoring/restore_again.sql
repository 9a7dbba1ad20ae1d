-- A new round: parents may be there that were not before.
UPDATE pg_temp.sqlrail_back SET why = NULL WHERE shape = {shape} AND NOT back AND NOT final AND why IS NOT NULL;
SELECT count(*) FROM pg_temp.sqlrail_back WHERE shape = {shape} AND NOT back AND NOT final;
