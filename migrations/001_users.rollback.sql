-- The accounts go, and with them every row that was ever written about one. Dump the database first.

DROP TABLE sessions;
DROP TABLE subscriptions;
DROP TABLE users;
