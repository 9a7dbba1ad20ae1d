-- A number is another run's to hold again.
SELECT pg_advisory_unlock({space}, {number});
