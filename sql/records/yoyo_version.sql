-- Which form yoyo's tables have.
SELECT max(version) FROM {versions};
