-- Whether an archived row was in a table of the tenant's schema; where nothing is for a tenant, any was. An expression.
({tenant}::text IS NULL OR strpos(source, format('%I.', {tenant}::text)) = 1)
