-- Whether a scratch database can have it: some live in one database only, or are not installed where it lies.
CREATE EXTENSION IF NOT EXISTS {extension} CASCADE;
