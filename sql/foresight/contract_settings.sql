-- The session that looks at queries: plans are made for any values, as those of statements that are prepared for good, and nothing
-- is written.
SET plan_cache_mode = force_generic_plan;
SET default_transaction_read_only = on;
SET statement_timeout = '30s';
