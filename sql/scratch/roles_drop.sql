-- One of the roles that were made for scratch databases.
DROP ROLE {role};
