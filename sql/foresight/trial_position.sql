-- Where a live sequence is.
SELECT last_value, is_called FROM {sequence};
