-- Both or neither: under this name it is complete. Nobody may be in it when it is copied, so nobody comes in, autovacuum
-- included.
BEGIN;
ALTER DATABASE {building} RENAME TO {template};
ALTER DATABASE {template} ALLOW_CONNECTIONS false;
COMMIT;
