-- Where a sequence is.
SELECT {oid}::oid AS oid, last_value, is_called FROM {sequence};
