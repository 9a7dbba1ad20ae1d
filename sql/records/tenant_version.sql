-- Which forms yoyo's tables have had in one schema.
COPY {first} (version) TO STDOUT;
