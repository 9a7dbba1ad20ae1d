-- Which form yoyo's tables have in one schema. A query.
SELECT {number} AS number, max(version) AS version FROM {its_versions}
