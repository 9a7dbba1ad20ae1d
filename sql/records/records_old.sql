-- The records of a yoyo before 6, which kept ids only.
SELECT id, ctime FROM {records} ORDER BY ctime, id;
