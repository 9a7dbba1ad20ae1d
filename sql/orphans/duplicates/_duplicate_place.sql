-- Where the rows are that refer by one key.
SELECT part, tid FROM {rows}
