-- For statements to be planned as they would be over rows of this number.
ANALYZE {tables};
