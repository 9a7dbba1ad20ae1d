-- What applied files have put into tables of the scratch database goes, for the live rows come in its place; and from tables
-- whose keys lead to them.
TRUNCATE {tables} CASCADE;
