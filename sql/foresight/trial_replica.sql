-- Whether keys' own triggers can be kept from acting on rows that are copied: superusers may, and who was granted it.
BEGIN;
SET LOCAL session_replication_role = replica;
COMMIT;
