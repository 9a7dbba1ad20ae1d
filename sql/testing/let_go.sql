SELECT pg_advisory_unlock({space}, {number})
