-- The same where the child's rows lie on other nodes: keys that still have no parent.
CREATE TEMP TABLE sqlrail_orphan ON COMMIT DROP AS
WITH batch AS MATERIALIZED (
    SELECT {staged}, rows FROM {work} WHERE ctid > {after}::tid AND ctid <= {upto}::tid
)
SELECT * FROM batch
 WHERE ({staged}) NOT IN (SELECT {keys} FROM {parent} AS p WHERE ({keys}) IN (SELECT {staged} FROM batch));
