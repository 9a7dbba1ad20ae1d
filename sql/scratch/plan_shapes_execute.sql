-- Asks what tables look like, in a session that keeps the question. One table or many, the plan is the same.
SET LOCAL plan_cache_mode = force_generic_plan;
EXECUTE {kept} ({tables});
