-- How many rows stand in the way of a constraint: {rows} is what doctor_not_valid.sql has written, from its FROM on.
SELECT count(*) {rows};
