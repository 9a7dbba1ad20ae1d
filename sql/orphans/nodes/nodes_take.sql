-- Of the keys of a batch, those that still have no parent.
CREATE TEMP TABLE sqlrail_orphan ON COMMIT DROP AS
WITH child_key AS MATERIALIZED (
    SELECT {staged}, rows FROM {work} WHERE ctid > {after}::tid AND ctid <= {upto}::tid
), {lost}
SELECT * FROM lost;
