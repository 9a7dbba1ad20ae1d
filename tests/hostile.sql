-- Every kind of thing under a name that ends lines and quotes, and begins comments: as a name, and as a text.
CREATE SCHEMA {h};
COMMENT ON SCHEMA {h} IS {l};
CREATE TYPE {h}.{h} AS ENUM ('a', {l});
COMMENT ON TYPE {h}.{h} IS {l};
CREATE TYPE {h}."of %" AS ({h} int, b {h}.{h}[]);
CREATE DOMAIN {h}."domain %" AS text DEFAULT {l} CONSTRAINT {h} CHECK (VALUE <> {l});
CREATE SEQUENCE {h}."sequence %";
CREATE FUNCTION {h}.{h}({h} {h}.{h}, "%s" text DEFAULT {l}) RETURNS text LANGUAGE sql AS 'SELECT ''%s $function$ ;''';
COMMENT ON FUNCTION {h}.{h} IS {l};
CREATE FUNCTION {h}.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE {h}."select" (
    {h} serial CONSTRAINT {h} PRIMARY KEY,
    "%s" text DEFAULT {l} COLLATE "C" CONSTRAINT "check %" CHECK ("%s" <> {l}),
    "user" {h}.{h} DEFAULT {l} CONSTRAINT "unique %" UNIQUE,
    "a ""b" int GENERATED ALWAYS AS IDENTITY,
    "made" text GENERATED ALWAYS AS ("%s" || {l}) STORED,
    "of" {h}."domain %"
);
COMMENT ON TABLE {h}."select" IS {l};
COMMENT ON COLUMN {h}."select".{h} IS {l};
COMMENT ON CONSTRAINT {h} ON {h}."select" IS {l};
CREATE INDEX "index %" ON {h}."select" ("%s", lower("%s")) WHERE "%s" = {l};
CREATE TABLE {h}."table %" ("from" int REFERENCES {h}."select" ON DELETE CASCADE, "taken" date NOT NULL) PARTITION BY RANGE (taken);
CREATE TABLE {h}."part %" PARTITION OF {h}."table %" DEFAULT;
CREATE VIEW {h}."view %" AS SELECT "x %".{h}, "%s" AS "y %", {l} AS "l%" FROM {h}."select" AS "x %";
CREATE TRIGGER {h} BEFORE UPDATE OF {h} ON {h}."select" FOR EACH ROW WHEN (NEW."%s" <> {l}) EXECUTE FUNCTION {h}.fire({l});
COMMENT ON TRIGGER {h} ON {h}."select" IS {l};
CREATE POLICY {h} ON {h}."select" USING ("%s" = {l});
CREATE RULE {h} AS ON DELETE TO {h}."select" WHERE OLD."%s" = {l} DO INSTEAD NOTHING;
CREATE STATISTICS {h}."statistics %" ON {h}, "%s" FROM {h}."select";
