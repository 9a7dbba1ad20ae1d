-- Which forms yoyo's tables have had in one schema. A statement.
COPY {first} (version) TO STDOUT
