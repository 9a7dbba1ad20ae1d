-- yoyo's log, as its version 2 makes it.
CREATE TABLE {log} (id varchar(36) PRIMARY KEY, migration_hash varchar(64), migration_id varchar(255),
                    operation varchar(10), username varchar(255), hostname varchar(255), comment varchar(255),
                    created_at_utc timestamp);
