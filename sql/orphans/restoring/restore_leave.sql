-- Why rows stay in the archive.
UPDATE pg_temp.sqlrail_back SET why = {why}, final = {final}
 WHERE shape = {shape} AND n BETWEEN {first} AND {last} AND NOT back;
