-- What yoyo notes when it has made its tables.
CREATE TABLE IF NOT EXISTS {versions} (version int PRIMARY KEY, installed_at_utc timestamp);
INSERT INTO {versions} VALUES ({version}, now() AT TIME ZONE 'UTC');
