-- The same of the tenant's schema alone.
n.nspname = {tenant} AND {ours}
