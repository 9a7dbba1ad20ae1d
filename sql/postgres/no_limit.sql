-- For a look of ours outside a transaction: a role's limit is for its applications.
SET LOCAL statement_timeout = 0;
