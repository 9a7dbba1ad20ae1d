-- PostgreSQL 17 and later.
SET LOCAL transaction_timeout = {transaction_timeout};
