-- The environment's name as the database itself knows it.
SELECT environment FROM sqlrail.stamp;
