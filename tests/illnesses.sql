-- One illness each: its kind, what it is found on (s is the schema), how many rows are in the way (-: nothing to count), and
-- what plants it. Behind a ! nothing mends it but a person.
-- # a unique constraint twice
-- > duplicate_constraint s.users constraint users_email_key1 -
CREATE TABLE s.users (id int PRIMARY KEY, email text UNIQUE);
ALTER TABLE s.users ADD UNIQUE (email);
-- # a unique constraint that is the primary key
-- > duplicate_constraint s.users constraint users_id_key -
CREATE TABLE s.users (id int PRIMARY KEY);
ALTER TABLE s.users ADD UNIQUE (id);
-- # a unique constraint twice, of which a foreign key leans on the longer name
-- > duplicate_constraint s.t constraint a -
CREATE TABLE s.t (id int PRIMARY KEY, code text CONSTRAINT bb UNIQUE);
CREATE TABLE s.u (id int PRIMARY KEY, code text REFERENCES s.t (code));
CREATE INDEX ON s.u (code);
ALTER TABLE s.t ADD CONSTRAINT a UNIQUE (code);
-- # a unique constraint that is the primary key, and that a foreign key leans on
-- > ! duplicate_constraint s.t constraint t_id_key -
CREATE TABLE s.t (id int NOT NULL UNIQUE);
CREATE TABLE s.u (id int PRIMARY KEY REFERENCES s.t (id));
ALTER TABLE s.t ADD PRIMARY KEY (id);
-- # a foreign key twice
-- > duplicate_constraint s.posts constraint posts_user_id_fkey1 -
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int REFERENCES s.users ON DELETE CASCADE);
CREATE INDEX ON s.posts (user_id);
ALTER TABLE s.posts ADD FOREIGN KEY (user_id) REFERENCES s.users ON DELETE CASCADE;
-- # a foreign key twice, of which one is not valid
-- > duplicate_constraint s.posts constraint a -
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int REFERENCES s.users);
CREATE INDEX ON s.posts (user_id);
ALTER TABLE s.posts ADD CONSTRAINT a FOREIGN KEY (user_id) REFERENCES s.users NOT VALID;
-- # a foreign key of a partitioned table twice
-- > duplicate_constraint s.posts constraint posts_user_id_fkey1 -
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int REFERENCES s.users) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.posts DEFAULT;
CREATE INDEX ON s.posts (user_id);
ALTER TABLE s.posts ADD FOREIGN KEY (user_id) REFERENCES s.users;
-- # an exclusion twice
-- > duplicate_constraint s.t constraint t_during_excl1 -
CREATE TABLE s.t (id int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&));
ALTER TABLE s.t ADD EXCLUDE USING gist (during WITH &&);
-- # keys of the same columns that do different things
-- > ! conflicting_key s.posts constraint posts_user_id_fkey -
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int REFERENCES s.users ON DELETE CASCADE);
CREATE INDEX ON s.posts (user_id);
ALTER TABLE s.posts ADD FOREIGN KEY (user_id) REFERENCES s.users ON DELETE SET NULL;
-- # a foreign key that is not valid
-- > not_valid s.posts constraint posts_user_id_fkey 0
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int);
CREATE INDEX ON s.posts (user_id);
ALTER TABLE s.posts ADD FOREIGN KEY (user_id) REFERENCES s.users NOT VALID;
-- # a foreign key that is not valid, over orphans
-- > not_valid s.posts constraint posts_user_id_fkey 2
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int);
CREATE INDEX ON s.posts (user_id);
INSERT INTO s.users VALUES (1);
INSERT INTO s.posts VALUES (1, 1), (2, 2), (3, 2), (4, NULL);
ALTER TABLE s.posts ADD FOREIGN KEY (user_id) REFERENCES s.users NOT VALID;
-- # a foreign key of two columns that is not valid, over an orphan
-- > not_valid s.posts constraint posts_b_a_fkey 1
CREATE TABLE s.users (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE s.posts (id int PRIMARY KEY, a int, b int);
CREATE INDEX ON s.posts (a, b);
INSERT INTO s.users VALUES (1, 2);
INSERT INTO s.posts VALUES (1, 1, 2), (2, 2, 1);
ALTER TABLE s.posts ADD FOREIGN KEY (b, a) REFERENCES s.users (b, a) NOT VALID;
-- # a check that is not valid
-- > not_valid s.t constraint t_n_check 0
CREATE TABLE s.t (id int PRIMARY KEY, n int);
INSERT INTO s.t VALUES (1, NULL), (2, 1);
ALTER TABLE s.t ADD CHECK (n > 0) NOT VALID;
-- # a check that is not valid, over a row that breaks it
-- > ! not_valid s.t constraint t_n_check 1
CREATE TABLE s.t (id int PRIMARY KEY, n int);
INSERT INTO s.t VALUES (1, 0), (2, 1);
ALTER TABLE s.t ADD CHECK (n > 0) NOT VALID;
-- # a domain's check that is not valid
-- > not_valid s.positive constraint positive_check -
CREATE DOMAIN s.positive AS int;
ALTER DOMAIN s.positive ADD CHECK (VALUE > 0) NOT VALID;
-- # an index that is not valid
-- > invalid_index s.t index i -
CREATE TABLE s.t (id int PRIMARY KEY, n int);
CREATE INDEX i ON s.t (n DESC) WHERE n > 0;
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 's.i'::regclass;
-- # an index that is half dropped
-- > invalid_index s.t index i -
CREATE TABLE s.t (id int PRIMARY KEY, n int);
CREATE INDEX i ON s.t (n);
UPDATE pg_index SET indisvalid = false, indislive = false WHERE indexrelid = 's.i'::regclass;
-- # what a REINDEX left
-- > invalid_index s.t index t_n_idx_ccnew -
CREATE TABLE s.t (id int PRIMARY KEY, n int UNIQUE);
CREATE UNIQUE INDEX t_n_idx_ccnew ON s.t (n);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 's.t_n_idx_ccnew'::regclass;
-- # an index of a partitioned table that a partition lacks
-- > ! invalid_index s.t index i -
CREATE TABLE s.t (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.t DEFAULT;
CREATE INDEX i ON ONLY s.t (n);
-- # an index twice
-- > duplicate_index s.t index t_n_idx1 -
CREATE TABLE s.t (id int PRIMARY KEY, n int);
CREATE INDEX ON s.t (n);
CREATE INDEX ON s.t (n);
-- # an index of expressions twice
-- > duplicate_index s.t index bb -
CREATE TABLE s.t (id int PRIMARY KEY, n text);
CREATE UNIQUE INDEX a ON s.t (lower(n)) WHERE n <> '';
CREATE UNIQUE INDEX bb ON s.t (lower(n)) WHERE n <> '';
-- # a unique index beside its constraint
-- > duplicate_index s.t index i -
CREATE TABLE s.t (id int PRIMARY KEY, n text UNIQUE);
CREATE UNIQUE INDEX i ON s.t (n);
-- # an index of a partitioned table twice
-- > duplicate_index s.t index t_n_idx1 -
CREATE TABLE s.t (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.t DEFAULT;
CREATE INDEX ON s.t (n);
CREATE INDEX ON s.t (n);
-- # a foreign key without an index
-- > unindexed_key s.posts constraint posts_user_id_fkey -
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int REFERENCES s.users);
-- # a foreign key whose index is of some rows, or has its column behind another
-- > unindexed_key s.posts constraint posts_user_id_fkey -
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, n int, user_id int REFERENCES s.users);
CREATE INDEX ON s.posts (user_id) WHERE n > 0;
CREATE INDEX ON s.posts (n, user_id);
-- # a foreign key of two columns, of which one has an index
-- > unindexed_key s.posts constraint posts_a_b_fkey -
CREATE TABLE s.users (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE s.posts (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES s.users);
CREATE INDEX ON s.posts (a);
-- # a foreign key of a partitioned table without an index
-- > unindexed_key s.posts constraint posts_user_id_fkey -
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int REFERENCES s.users) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.posts DEFAULT;
-- # a column like a key, over orphans
-- > missing_key s.posts column user_id 1
CREATE TABLE s.users (id bigint PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int);
CREATE INDEX ON s.posts (user_id);
INSERT INTO s.users VALUES (1);
INSERT INTO s.posts VALUES (1, 1), (2, 2), (3, NULL);
-- # a column like a key in camels
-- > missing_key s."Posts" column "userAccountId" 0
CREATE TABLE s."UserAccount" (id uuid PRIMARY KEY);
CREATE TABLE s."Posts" (id int PRIMARY KEY, "userAccountId" uuid);
CREATE INDEX ON s."Posts" ("userAccountId");
-- # a column like a key of a table on y
-- > missing_key s.posts column category_id 0
CREATE TABLE s.categories (id varchar(10) PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, category_id text);
CREATE INDEX ON s.posts (category_id);
-- # a column like a key of its own table
-- > missing_key s.post column post_id 0
CREATE TABLE s.post (id int PRIMARY KEY, post_id int);
-- # a column like a key in a partitioned table
-- > missing_key s.posts column user_id 1
CREATE TABLE s.users (id int PRIMARY KEY);
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.posts DEFAULT;
INSERT INTO s.users VALUES (1);
INSERT INTO s.posts VALUES (1, 1), (2, 2);
-- # a column like a key of a partitioned table
-- > missing_key s.posts column user_id 1
CREATE TABLE s.users (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.users DEFAULT;
CREATE TABLE s.posts (id int PRIMARY KEY, user_id int);
INSERT INTO s.users VALUES (1);
INSERT INTO s.posts VALUES (1, 1), (2, 2);
-- # a unique constraint of a partitioned table twice
-- > duplicate_constraint s.t constraint t_id_n_key1 -
CREATE TABLE s.t (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.t DEFAULT;
ALTER TABLE s.t ADD UNIQUE (id, n);
ALTER TABLE s.t ADD UNIQUE (id, n);
-- # a check twice, that a child inherits
-- > duplicate_constraint s.t constraint t_n_check1 -
CREATE TABLE s.t (id int PRIMARY KEY, n int CHECK (n > 0));
CREATE TABLE s.child (PRIMARY KEY (id)) INHERITS (s.t);
ALTER TABLE s.t ADD CHECK (n > 0);
-- # a check of one table alone that is not valid
-- > not_valid s.t constraint c 0
CREATE TABLE s.t (id int PRIMARY KEY, n int);
CREATE TABLE s.child (PRIMARY KEY (id)) INHERITS (s.t);
INSERT INTO s.child VALUES (1, 0);
ALTER TABLE s.t ADD CONSTRAINT c CHECK (n > 0) NO INHERIT NOT VALID;
-- # a table without a primary key
-- > ! no_primary_key s.t table -
CREATE TABLE s.t (id int);
-- # a table with a unique constraint in place of a primary key
-- > ! no_primary_key s.t table -
CREATE TABLE s.t (id int NOT NULL UNIQUE);
-- # a table with a unique index in place of a primary key
-- > no_primary_key s.t table -
CREATE TABLE s.t (id int NOT NULL, a text NOT NULL, b int);
CREATE UNIQUE INDEX ON s.t (a, id);
-- # a partitioned table without a primary key
-- > ! no_primary_key s.t table -
CREATE TABLE s.t (id int NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.t DEFAULT;
CREATE UNIQUE INDEX ON s.t (id);
-- # a sequence near the end of its column
-- > sequence_end s.t_id_seq sequence -
CREATE TABLE s.t (id serial PRIMARY KEY);
SELECT setval('s.t_id_seq', 1700000000);
-- # a sequence near the end of a column narrower than itself, that others refer to
-- > sequence_end s.q sequence -
CREATE SEQUENCE s.q;
CREATE TABLE s.t (id smallint PRIMARY KEY DEFAULT nextval('s.q'));
ALTER SEQUENCE s.q OWNED BY s.t.id;
CREATE TABLE s.u (id int PRIMARY KEY, t_id smallint REFERENCES s.t);
CREATE INDEX ON s.u (t_id);
SELECT setval('s.q', 30000);
-- # an identity near its end
-- > sequence_end s.t_id_seq sequence -
CREATE TABLE s.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
SELECT setval('s.t_id_seq', 2147483647);
-- # a sequence near an end of its own, long before its column's
-- > sequence_end s.t_id_seq sequence -
CREATE TABLE s.t (id serial PRIMARY KEY);
ALTER SEQUENCE s.t_id_seq MAXVALUE 1000;
SELECT setval('s.t_id_seq', 1000);
-- # a sequence of nobody near its end
-- > sequence_end s.q sequence -
CREATE SEQUENCE s.q AS int MAXVALUE 1000;
SELECT setval('s.q', 751);
-- # a sequence that falls to its end
-- > sequence_end s.q sequence -
CREATE SEQUENCE s.q AS smallint INCREMENT -1;
SELECT setval('s.q', -30000);
-- # a sequence near the end of all
-- > ! sequence_end s.q sequence -
CREATE SEQUENCE s.q;
SELECT setval('s.q', 9000000000000000000);
