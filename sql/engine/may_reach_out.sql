-- Behind a tenant's file, in its message: whether it may have changed something outside of its schema. Where not,
-- guard_tenant.sql, which begins with the same questions, would return at once, and is spared.
SET CONSTRAINTS ALL IMMEDIATE;
SELECT {writes_functions} OR {writes_types} OR EXISTS (SELECT {locked_outside}) AS may_reach_out;
