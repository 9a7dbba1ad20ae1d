-- What live rows may be in the way of: one statement each, with rows that fulfil it and rows that do not.
--
-- {t} is the table, in the schema {s}, with the columns {a}, {b}, {c}, which the shape of the table (tests/support/cases.py)
-- makes beside its id; # is a row's number. Of each:
--   what        what plan calls it; - where nothing of the rows is asked; no line: what writes rows, which only the trial can judge
--   columns     of the table, parted by ;                around, beside, late   made before the table, behind it, behind the live rows
--   clean, dirty  the cells of rows, parted by |          bad, mend    which rows are dirty, and what an UPDATE sets to mend them
--   shapes      how the table is made                     live         what only the live database has
--   dirt        many: one such row is none; one: only one can be there     directive, cleans   of the file, which mends it
--   since       the oldest major that has it                       outside   runs in no transaction
--   early       some minors refuse it of an empty table too
-- The statement comes last.

-- # not null
-- what: not null
-- columns: {a} int
-- clean: #
-- dirty: NULL
-- bad: {a} IS NULL
-- mend: {a} = 0
-- shapes: plain heap gap other partitioned leaf inherited pair quoted
ALTER TABLE {t} ALTER {a} SET NOT NULL;

-- # not null, proven by a check
-- what: -
-- columns: {a} int; CHECK ({a} IS NOT NULL)
-- clean: #
-- shapes: plain partitioned
ALTER TABLE {t} ALTER {a} SET NOT NULL;

-- # not null of two columns
-- what: not null
-- columns: {a} int; {b} text
-- clean: #, 'b'
-- dirty: NULL, 'b' | 1, NULL | NULL, NULL
-- bad: {a} IS NULL OR {b} IS NULL
-- mend: {a} = 0, {b} = ''
-- shapes: plain partitioned inherited
ALTER TABLE {t} ALTER {a} SET NOT NULL, ALTER {b} SET NOT NULL;

-- # not null with a name
-- what: not null
-- columns: {a} text
-- clean: 'x#' | ''
-- dirty: NULL
-- bad: {a} IS NULL
-- mend: {a} = ''
-- shapes: plain partitioned inherited
-- since: 18
ALTER TABLE {t} ADD CONSTRAINT filled NOT NULL {a};

-- # not null validated
-- what: not null
-- columns: {a} text
-- clean: 'x#'
-- dirty: NULL
-- bad: {a} IS NULL
-- late: ALTER TABLE {t} ADD CONSTRAINT filled NOT NULL {a} NOT VALID;
-- shapes: plain inherited
-- since: 18
ALTER TABLE {t} VALIDATE CONSTRAINT filled;

-- # not null, not validated
-- what: -
-- columns: {a} text
-- clean: 'x#'
-- dirty: NULL
-- shapes: plain
-- since: 18
ALTER TABLE {t} ADD CONSTRAINT filled NOT NULL {a} NOT VALID;

-- # not null of a whole composite value
-- what: not null
-- around: CREATE TYPE {s}.two AS (x int, y int);
-- columns: {a} {s}.two
-- clean: '(1,2)' | '(,)' | '(1,)'
-- dirty: NULL
-- bad: num_nulls({a}) = 1
-- shapes: plain
ALTER TABLE {t} ALTER {a} SET NOT NULL;

-- # check
-- what: check
-- columns: {a} int
-- clean: # + 1 | NULL
-- dirty: 0 | -#
-- bad: {a} <= 0
-- mend: {a} = 1
-- shapes: plain heap gap other partitioned leaf inherited pair quoted
ALTER TABLE {t} ADD CONSTRAINT positive CHECK ({a} > 0);

-- # check without a name
-- what: check
-- columns: {a} numeric
-- clean: 1.5 | 'NaN'
-- dirty: -0.01
-- bad: {a} < 0
-- mend: {a} = 0
-- shapes: plain partitioned
ALTER TABLE {t} ADD CHECK ({a} >= 0);

-- # check of two columns
-- what: check
-- columns: {a} date; {b} date
-- clean: '2026-01-01', '2026-02-01' | NULL, '2026-01-01' | '2026-01-01', NULL
-- dirty: '2026-02-01', '2026-01-01'
-- bad: {a} > {b}
-- mend: {a} = {b}
-- shapes: plain partitioned inherited quoted
ALTER TABLE {t} ADD CONSTRAINT ordered CHECK ({a} <= {b});

-- # check of text
-- what: check
-- columns: {a} text
-- clean: 'abc#' | ''
-- dirty: 'Abc' | 'É'
-- bad: {a} <> lower({a})
-- mend: {a} = lower({a})
-- shapes: plain partitioned gap
ALTER TABLE {t} ADD CONSTRAINT low CHECK ({a} = lower({a}) AND {a} !~ '[%;''"]');

-- # check of json
-- what: check
-- columns: {a} jsonb
-- clean: '{"k": 1}' | NULL
-- dirty: '{}' | '[]' | '{"k": null}'
-- bad: NOT coalesce({a} ->> 'k' IS NOT NULL, true)
-- mend: {a} = NULL
-- shapes: plain inherited
ALTER TABLE {t} ADD CONSTRAINT keyed CHECK ({a} IS NULL OR ({a} ->> 'k') IS NOT NULL);

-- # check by a function
-- what: check
-- around: CREATE FUNCTION {s}.fine(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 % 2 = 0';
-- columns: {a} int
-- clean: 2 | # * 2
-- dirty: 3
-- bad: {a} % 2 = 1
-- mend: {a} = 0
-- shapes: plain partitioned
ALTER TABLE {t} ADD CONSTRAINT even CHECK ({s}.fine({a}));

-- # check by a function that the file makes
-- what: check
-- columns: {a} int
-- clean: 2
-- dirty: 3
-- bad: {a} % 2 = 1
-- shapes: plain
CREATE FUNCTION {s}.even(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 % 2 = 0';
ALTER TABLE {t} ADD CONSTRAINT even CHECK ({s}.even({a}));

-- # check that divides
-- what: check
-- columns: {a} int
-- clean: # + 1
-- dirty: 0
-- bad: {a} = 0
-- mend: {a} = 1
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT share CHECK (10 / {a} >= 0);

-- # check of a time
-- what: check
-- columns: {a} timestamptz
-- clean: '2026-01-01 00:00+00' | 'infinity'
-- dirty: '2025-12-31 23:59+00' | '-infinity'
-- bad: {a} < '2026-01-01 00:00+00'
-- mend: {a} = '2026-06-01'
-- shapes: plain partitioned
ALTER TABLE {t} ADD CONSTRAINT recent CHECK ({a} >= '2026-01-01 00:00+00'::timestamptz);

-- # check of a list
-- what: check
-- columns: {a} text[]
-- clean: '{x,y}' | '{}' | NULL
-- dirty: '{x,NULL}' | '{z}'
-- bad: NOT {a} <@ ARRAY['x', 'y']
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT known CHECK ({a} <@ ARRAY['x', 'y']);

-- # check without heirs
-- what: check
-- columns: {a} int
-- clean: 1
-- dirty: 0
-- bad: {a} <= 0
-- shapes: plain inherited
ALTER TABLE {t} ADD CONSTRAINT positive CHECK ({a} > 0) NO INHERIT;

-- # check not validated
-- what: -
-- columns: {a} int
-- clean: 1
-- dirty: 0
-- shapes: plain partitioned inherited
ALTER TABLE {t} ADD CONSTRAINT positive CHECK ({a} > 0) NOT VALID;

-- # check not enforced
-- what: -
-- columns: {a} int
-- clean: 1
-- dirty: 0
-- shapes: plain partitioned
-- since: 18
ALTER TABLE {t} ADD CONSTRAINT positive CHECK ({a} > 0) NOT ENFORCED;

-- # check validated
-- what: check
-- columns: {a} int
-- clean: 1 | NULL
-- dirty: 0
-- bad: {a} <= 0
-- mend: {a} = 1
-- late: ALTER TABLE {t} ADD CONSTRAINT positive CHECK ({a} > 0) NOT VALID;
-- shapes: plain partitioned inherited quoted
ALTER TABLE {t} VALIDATE CONSTRAINT positive;

-- # check added and validated in one file
-- what: check
-- columns: {a} int
-- clean: 1 | NULL
-- dirty: 0
-- bad: {a} <= 0
-- shapes: plain partitioned
ALTER TABLE {t} ADD CONSTRAINT positive CHECK ({a} > 0) NOT VALID;
ALTER TABLE {t} VALIDATE CONSTRAINT positive;

-- # check of a new column
-- what: check
-- columns: {a} int
-- dirty: 1
-- bad: true
-- shapes: plain partitioned
ALTER TABLE {t} ADD COLUMN grade int DEFAULT 0 CHECK (grade > 0);

-- # check of a new column that is null
-- what: -
-- columns: {a} int
-- clean: 1
-- shapes: plain
ALTER TABLE {t} ADD COLUMN grade int CHECK (grade > 0);

-- # check of a new column and an old one
-- what: check
-- columns: {a} int
-- clean: 1 | 5
-- dirty: 6
-- bad: {a} > 5
-- mend: {a} = 5
-- shapes: plain partitioned inherited
ALTER TABLE {t} ADD COLUMN most int DEFAULT 5;
ALTER TABLE {t} ADD CONSTRAINT enough CHECK ({a} <= most);

-- # unique int
-- what: unique
-- columns: {a} int
-- clean: # | NULL
-- dirty: 0
-- bad: {a} = 0
-- mend: {a} = id + 1000
-- shapes: plain heap gap other hashed leaf inherited pair quoted
ALTER TABLE {t} ADD CONSTRAINT once UNIQUE ({a});

-- # unique pair
-- what: unique
-- columns: {a} text; {b} int
-- clean: 'x', # | NULL, 1 | 'x', NULL
-- dirty: 'x', 0
-- bad: {a} = 'x' AND {b} = 0
-- mend: {b} = id + 1000
-- shapes: plain heap hashed inherited quoted
ALTER TABLE {t} ADD CONSTRAINT once UNIQUE ({a}, {b});

-- # unique numeric
-- what: unique
-- columns: {a} numeric
-- clean: # | NULL
-- dirty: 0.0 | 0.00
-- bad: {a} = 0
-- mend: {a} = id + 1000
-- shapes: plain hashed
ALTER TABLE {t} ADD UNIQUE ({a});

-- # unique float
-- what: unique
-- columns: {a} float8
-- clean: # | NULL
-- dirty: '-0'
-- bad: {a} = 0
-- shapes: plain
ALTER TABLE {t} ADD UNIQUE ({a});

-- # unique char
-- what: unique
-- columns: {a} char(6)
-- clean: 'a#'
-- dirty: 'a0  '
-- bad: {a} = 'a0'
-- mend: {a} = 'z' || id
-- shapes: plain
ALTER TABLE {t} ADD UNIQUE ({a});

-- # unique json
-- what: unique
-- columns: {a} jsonb
-- clean: '{"k": #}'
-- dirty: '{"k":  0}' | '{"k": 0.0}'
-- bad: {a} = '{"k": 0}'
-- shapes: plain
ALTER TABLE {t} ADD UNIQUE ({a});

-- # unique time
-- what: unique
-- columns: {a} timestamptz
-- clean: timestamptz '2026-01-01 00:00+00' + # * interval '1 day'
-- dirty: '2026-01-01 02:00+02'
-- bad: {a} = '2026-01-01 00:00+00'
-- shapes: plain hashed
ALTER TABLE {t} ADD UNIQUE ({a});

-- # unique list
-- what: unique
-- columns: {a} int[]
-- clean: ARRAY[#, NULL]
-- dirty: ARRAY[0, NULL]
-- bad: {a}[1] = 0
-- shapes: plain
ALTER TABLE {t} ADD UNIQUE ({a});

-- # unique range
-- what: unique
-- columns: {a} int4range
-- clean: int4range(0, # + 1) | int4range(#, NULL)
-- dirty: '[0,0]'
-- bad: {a} = '[0,1)'
-- shapes: plain
ALTER TABLE {t} ADD UNIQUE ({a});

-- # unique composite
-- what: unique
-- around: CREATE TYPE {s}.two AS (x int, y int);
-- columns: {a} {s}.two
-- clean: '(#,)'
-- dirty: '(0,)'
-- bad: ({a}).x = 0
-- shapes: plain
ALTER TABLE {t} ADD UNIQUE ({a});

-- # unique enum and domain
-- what: unique
-- around: CREATE TYPE {s}.mood AS ENUM ('up', 'down'); CREATE DOMAIN {s}.code AS varchar(9);
-- columns: {a} {s}.mood; {b} {s}.code
-- clean: 'up', 'c#' | NULL, 'c0'
-- dirty: 'up', 'c0'
-- bad: {a} = 'up' AND {b} = 'c0'
-- shapes: plain hashed
ALTER TABLE {t} ADD UNIQUE ({b}, {a});

-- # unique at the end
-- what: unique
-- columns: {a} int
-- clean: # | NULL
-- dirty: 0
-- bad: {a} = 0
-- mend: {a} = id + 1000
-- shapes: plain hashed quoted
ALTER TABLE {t} ADD CONSTRAINT once UNIQUE ({a}) DEFERRABLE INITIALLY DEFERRED;

-- # unique with more
-- what: unique
-- columns: {a} int; {b} text
-- clean: #, 'b'
-- dirty: 0, 'c' | 0, 'd'
-- bad: {a} = 0
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT once UNIQUE ({a}) INCLUDE ({b});

-- # unique nulls not distinct
-- what: unique
-- columns: {a} int; {b} int
-- clean: #, NULL | NULL, # | #, #
-- dirty: 0, NULL | NULL, NULL
-- bad: {a} = 0 AND {b} IS NULL OR {a} IS NULL AND {b} IS NULL
-- mend: {b} = id + 1000
-- shapes: plain heap hashed inherited
ALTER TABLE {t} ADD CONSTRAINT once UNIQUE NULLS NOT DISTINCT ({a}, {b});

-- # unique of a new column
-- what: unique
-- columns: {a} int
-- dirty: 1
-- bad: true
-- dirt: many
-- shapes: plain inherited
ALTER TABLE {t} ADD COLUMN rank int DEFAULT 1 UNIQUE;

-- # unique of a new identity
-- what: -
-- columns: {a} int
-- clean: 1
-- shapes: plain
ALTER TABLE {t} ADD COLUMN rank int GENERATED ALWAYS AS IDENTITY UNIQUE;

-- # unique by an index that is there
-- what: -
-- columns: {a} int
-- clean: # | NULL
-- late: CREATE UNIQUE INDEX once ON {t} ({a});
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT only_once UNIQUE USING INDEX once;

-- # primary key
-- what: unique
-- columns: {a} int
-- clean: #
-- dirty: NULL | 0
-- bad: {a} IS NULL OR {a} = 0
-- mend: {a} = id + 1000
-- shapes: heap hashed
ALTER TABLE {t} ADD PRIMARY KEY ({a});

-- # primary key of nulls alone
-- what: not null
-- columns: {a} int
-- clean: #
-- dirty: NULL
-- bad: {a} IS NULL
-- mend: {a} = id + 1000
-- shapes: heap hashed
ALTER TABLE {t} ADD CONSTRAINT main PRIMARY KEY ({a});

-- # primary key of two columns
-- what: unique
-- columns: {a} text; {b} int
-- clean: 'x', # | 'y', #
-- dirty: 'x', 0
-- bad: {a} = 'x' AND {b} = 0
-- mend: {b} = id + 1000
-- shapes: heap hashed
ALTER TABLE {t} ADD PRIMARY KEY ({a}, {b});

-- # primary key of a new column
-- what: not null
-- columns: {a} int
-- dirty: 1
-- bad: true
-- shapes: heap
ALTER TABLE {t} ADD COLUMN code text PRIMARY KEY;

-- # primary key by an index that is there
-- what: not null
-- columns: {a} int
-- clean: #
-- dirty: NULL
-- bad: {a} IS NULL
-- late: CREATE UNIQUE INDEX once ON {t} ({a});
-- shapes: heap
ALTER TABLE {t} ADD PRIMARY KEY USING INDEX once;

-- # unique index
-- what: unique
-- columns: {a} uuid
-- clean: md5('#')::uuid | NULL
-- dirty: md5('0')::uuid
-- bad: {a} = md5('0')::uuid
-- mend: {a} = NULL
-- shapes: plain heap gap other hashed leaf inherited quoted
CREATE UNIQUE INDEX once ON {t} ({a});

-- # unique index of an expression
-- what: unique
-- columns: {a} text
-- clean: 'u#@x' | NULL
-- dirty: 'U0@x' | 'u0@X'
-- bad: lower({a}) = 'u0@x'
-- mend: {a} = 'v' || id
-- shapes: plain heap gap inherited quoted
CREATE UNIQUE INDEX once ON {t} (lower({a}));

-- # partial unique index
-- what: unique
-- columns: {a} int; {b} boolean
-- clean: #, true | 0, false | 0, NULL
-- dirty: 0, true
-- bad: {a} = 0 AND {b}
-- mend: {b} = false
-- shapes: plain other hashed quoted
CREATE UNIQUE INDEX once ON {t} ({a}) WHERE {b};

-- # partial unique index, clean outside its rows
-- what: unique
-- columns: {a} int; {b} timestamptz
-- clean: #, NULL | 0, now()
-- dirty: 0, NULL
-- bad: {a} = 0 AND {b} IS NULL
-- mend: {b} = now()
-- shapes: plain inherited
CREATE UNIQUE INDEX once ON {t} ({a}) WHERE {b} IS NULL;

-- # partial unique index of an expression
-- what: unique
-- columns: {a} jsonb
-- clean: '{"k": "#"}' | '{"j": 1}'
-- dirty: '{"k": "0", "j": 1}'
-- bad: {a} ->> 'k' = '0'
-- mend: {a} = '{}'
-- shapes: plain
CREATE UNIQUE INDEX once ON {t} (({a} ->> 'k')) WHERE {a} ? 'k';

-- # unique index of a sum
-- what: unique
-- columns: {a} int; {b} int
-- clean: #, # | NULL, 1
-- dirty: -1, 1
-- bad: {a} + {b} = 0
-- shapes: plain
CREATE UNIQUE INDEX once ON {t} (({a} + {b}) DESC NULLS LAST);

-- # unique index in another order
-- what: unique
-- columns: {a} text
-- clean: 'x#' | 'X#'
-- dirty: 'x0'
-- bad: {a} = 'x0'
-- shapes: plain
CREATE UNIQUE INDEX once ON {t} ({a} COLLATE "C" text_pattern_ops);

-- # unique index, nulls not distinct
-- what: unique
-- columns: {a} int
-- clean: #
-- dirty: NULL
-- dirt: many
-- bad: {a} IS NULL
-- mend: {a} = id + 1000
-- shapes: plain hashed
CREATE UNIQUE INDEX once ON {t} ({a}) NULLS NOT DISTINCT;

-- # unique index outside a transaction
-- what: unique
-- columns: {a} int
-- clean: # | NULL
-- dirty: 0
-- bad: {a} = 0
-- outside: yes
-- shapes: plain
CREATE UNIQUE INDEX CONCURRENTLY once ON {t} ({a});

-- # index
-- what: -
-- columns: {a} int
-- clean: # | NULL
-- dirty: 0
-- shapes: plain partitioned
CREATE INDEX ON {t} ({a});

-- # index that divides
-- what: -
-- columns: {a} int
-- clean: # + 1
-- shapes: plain
CREATE INDEX ON {t} ((10 / {a}));

-- # exclusion
-- what: exclusion
-- columns: {a} int4range
-- clean: int4range(# * 10, # * 10 + 5) | NULL | 'empty'
-- dirty: '[1,3)'
-- bad: {a} = '[1,3)'
-- mend: {a} = NULL
-- shapes: plain heap gap leaf quoted
ALTER TABLE {t} ADD CONSTRAINT apart EXCLUDE USING gist ({a} WITH &&);

-- # exclusion of equals
-- what: exclusion
-- columns: {a} int
-- clean: # | NULL
-- dirty: 0
-- bad: {a} = 0
-- mend: {a} = NULL
-- shapes: plain inherited
ALTER TABLE {t} ADD CONSTRAINT apart EXCLUDE USING btree ({a} WITH =);

-- # exclusion of some
-- what: exclusion
-- columns: {a} daterange; {b} boolean
-- clean: daterange(date '2026-01-01' + # * 10, date '2026-01-01' + # * 10 + 5), true | '[2026-01-01,2026-12-31)', false
-- dirty: '[2026-01-02,2026-01-03)', true
-- bad: {a} = '[2026-01-02,2026-01-03)' AND {b}
-- mend: {b} = false
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT apart EXCLUDE USING gist ({a} WITH &&) WHERE ({b});

-- # exclusion of an expression
-- what: exclusion
-- columns: {a} int; {b} int
-- clean: # * 10, # * 10 + 5
-- dirty: 1, 3
-- bad: {a} = 1
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT apart EXCLUDE USING gist (int4range({a}, {b}) WITH &&);

-- # exclusion at the end
-- what: exclusion
-- columns: {a} box
-- clean: box(point(# * 10, 0), point(# * 10 + 5, 5))
-- dirty: box(point(1, 1), point(2, 2))
-- bad: {a} ~= box(point(1, 1), point(2, 2))
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT apart EXCLUDE USING gist ({a} WITH &&) DEFERRABLE INITIALLY DEFERRED;

-- # exclusion of two
-- what: exclusion
-- columns: {a} int4range; {b} int4range
-- clean: '[1,2)', int4range(# * 10, # * 10 + 5) | int4range(# + 5, # + 6), '[0,100)'
-- dirty: '[1,2)', '[1,3)'
-- bad: {b} = '[1,3)'
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT apart EXCLUDE USING gist ({a} WITH =, {b} WITH &&);

-- # without overlaps
-- what: unique
-- columns: {a} int4range; {b} daterange
-- clean: '[1,2)', daterange(date '2026-01-01' + # * 10, date '2026-01-01' + # * 10 + 5)
-- dirty: '[1,2)', '[2026-01-02,2026-01-03)'
-- bad: {b} = '[2026-01-02,2026-01-03)'
-- shapes: heap plain
-- since: 18
ALTER TABLE {t} ADD CONSTRAINT apart UNIQUE ({a}, {b} WITHOUT OVERLAPS);

-- # without overlaps and empty
-- what: unique
-- columns: {a} int4range; {b} daterange
-- clean: '[1,2)', daterange(date '2026-01-01' + # * 10, date '2026-01-01' + # * 10 + 5)
-- dirty: '[1,2)', 'empty'
-- bad: isempty({b})
-- dirt: many
-- shapes: heap
-- since: 18
ALTER TABLE {t} ADD PRIMARY KEY ({a}, {b} WITHOUT OVERLAPS);

-- # foreign key
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} int
-- clean: # | NULL
-- dirty: 100 | 101
-- bad: {a} >= 100
-- mend: {a} = NULL
-- shapes: plain heap gap other partitioned leaf inherited pair quoted
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p;

-- # foreign key cleaned up by its file
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} int
-- clean: # | NULL
-- dirty: 100 | 101
-- directive: -- cleanup: {t}.{a} -> {s}.p.id
-- cleans: yes
-- shapes: plain pair
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p ON DELETE CASCADE;

-- # foreign key of two columns
-- what: foreign key
-- around: CREATE TABLE {s}.p (x int, y text, UNIQUE (y, x)); INSERT INTO {s}.p SELECT n, 'y' FROM generate_series(0, 99) AS n; INSERT INTO {s}.p VALUES (NULL, 'z');
-- columns: {a} int; {b} text
-- clean: #, 'y' | NULL, 'none' | 700, NULL
-- dirty: 1, 'z' | 100, 'y'
-- bad: {a} = 1 AND {b} = 'z' OR {a} = 100
-- mend: {a} = NULL
-- shapes: plain heap partitioned inherited quoted
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}, {b}) REFERENCES {s}.p (x, y);

-- # foreign key, match full
-- what: foreign key
-- around: CREATE TABLE {s}.p (x int, y text, PRIMARY KEY (x, y)); INSERT INTO {s}.p SELECT n, 'y' FROM generate_series(0, 99) AS n;
-- columns: {a} int; {b} text
-- clean: #, 'y' | NULL, NULL
-- dirty: 1, NULL | NULL, 'y' | 1, 'z'
-- bad: ({a} IS NULL) <> ({b} IS NULL) OR {b} = 'z'
-- mend: {a} = NULL, {b} = NULL
-- shapes: plain heap partitioned
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}, {b}) REFERENCES {s}.p MATCH FULL;

-- # foreign key at the end
-- what: foreign key
-- around: CREATE TABLE {s}.p (id uuid PRIMARY KEY); INSERT INTO {s}.p SELECT md5(n::text)::uuid FROM generate_series(0, 99) AS n;
-- columns: {a} uuid
-- clean: md5('#')::uuid | NULL
-- dirty: md5('x')::uuid
-- bad: {a} = md5('x')::uuid
-- mend: {a} = NULL
-- shapes: plain partitioned
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;

-- # foreign key to a partitioned table
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE {s}.p1 PARTITION OF {s}.p FOR VALUES FROM (0) TO (3); CREATE TABLE {s}.p2 PARTITION OF {s}.p FOR VALUES FROM (3) TO (100); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} int
-- clean: # | NULL
-- dirty: 100
-- bad: {a} >= 100
-- mend: {a} = NULL
-- shapes: plain partitioned
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p;

-- # foreign key of another type
-- what: foreign key
-- around: CREATE TABLE {s}.p (id numeric PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} bigint
-- clean: # | NULL
-- dirty: 100
-- bad: {a} >= 100
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p;

-- # foreign key to a char
-- what: foreign key
-- around: CREATE TABLE {s}.p (code char(4) UNIQUE); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} char(8)
-- clean: '#' | '1   '
-- dirty: 'x'
-- bad: {a} = 'x'
-- mend: {a} = NULL
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p (code);

-- # foreign key to heirs
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); CREATE TABLE {s}.heir () INHERITS ({s}.p); INSERT INTO {s}.p SELECT generate_series(0, 99); INSERT INTO {s}.heir SELECT generate_series(100, 199);
-- columns: {a} int
-- clean: # | NULL
-- dirty: 100
-- bad: {a} >= 100
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p;

-- # foreign key to itself
-- what: foreign key
-- columns: {a} int
-- clean: NULL
-- dirty: 900 | 901
-- bad: {a} >= 900
-- mend: {a} = NULL
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {t} (id);

-- # foreign keys of one statement
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); CREATE TABLE {s}.q (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99); INSERT INTO {s}.q SELECT generate_series(0, 99);
-- columns: {a} int; {b} int
-- clean: #, # | NULL, 1
-- dirty: 1, 100
-- bad: {b} >= 100
-- mend: {b} = NULL
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p, ADD CONSTRAINT known_too FOREIGN KEY ({b}) REFERENCES {s}.q;

-- # foreign key not validated
-- what: -
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} int
-- clean: #
-- dirty: 100
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p NOT VALID;

-- # foreign key not enforced
-- what: -
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} int
-- clean: #
-- dirty: 100
-- shapes: plain
-- since: 18
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p NOT ENFORCED;

-- # foreign key validated
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} int
-- clean: # | NULL
-- dirty: 100
-- bad: {a} >= 100
-- mend: {a} = NULL
-- late: ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}) REFERENCES {s}.p NOT VALID;
-- shapes: plain leaf quoted
ALTER TABLE {t} VALIDATE CONSTRAINT known;

-- # foreign key of a new column
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(1, 99);
-- columns: {a} int
-- dirty: 1
-- bad: true
-- shapes: plain partitioned
ALTER TABLE {t} ADD COLUMN p_id int DEFAULT 0 REFERENCES {s}.p;

-- # foreign key of a new column that is null
-- what: -
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY);
-- columns: {a} int
-- clean: 1
-- shapes: plain
ALTER TABLE {t} ADD COLUMN p_id int REFERENCES {s}.p;

-- # foreign key with a period
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS)); INSERT INTO {s}.p VALUES ('[1,2)', '[2026-01-01,2026-02-01)'), ('[1,2)', '[2026-02-01,2026-03-01)');
-- columns: {a} int4range; {b} daterange
-- clean: '[1,2)', '[2026-01-05,2026-01-06)' | '[1,2)', '[2026-01-20,2026-02-10)' | NULL, '[2020-01-01,2020-02-01)'
-- dirty: '[1,2)', '[2026-02-20,2026-03-10)' | '[2,3)', '[2026-01-05,2026-01-06)'
-- bad: {b} && '[2026-03-01,)' OR {a} = '[2,3)'
-- shapes: plain
-- since: 18
ALTER TABLE {t} ADD CONSTRAINT known FOREIGN KEY ({a}, PERIOD {b}) REFERENCES {s}.p;

-- # new column not null
-- what: not null
-- columns: {a} int
-- dirty: 1
-- bad: true
-- shapes: plain heap gap other partitioned inherited pair quoted
ALTER TABLE {t} ADD COLUMN name text NOT NULL;

-- # new column not null with a default
-- what: -
-- columns: {a} int
-- clean: 1
-- shapes: plain partitioned inherited
ALTER TABLE {t} ADD COLUMN name text NOT NULL DEFAULT '';

-- # new column not null with a default of null
-- what: not null
-- columns: {a} int
-- dirty: 1
-- bad: true
-- shapes: plain
ALTER TABLE {t} ADD COLUMN name text NOT NULL DEFAULT NULL;

-- # new column not null later
-- what: not null
-- columns: {a} int
-- dirty: 1
-- bad: true
-- shapes: plain partitioned
ALTER TABLE {t} ADD COLUMN name text;
ALTER TABLE {t} ALTER COLUMN name SET NOT NULL;

-- # new column with a volatile default not null later
-- what: -
-- columns: {a} int
-- clean: 1
-- shapes: plain
ALTER TABLE {t} ADD COLUMN name float DEFAULT random();
ALTER TABLE {t} ALTER COLUMN name SET NOT NULL;

-- # new column whose default came too late
-- what: not null
-- columns: {a} int
-- dirty: 1
-- bad: true
-- shapes: plain
ALTER TABLE {t} ADD COLUMN name text;
ALTER TABLE {t} ALTER COLUMN name SET DEFAULT 'x';
ALTER TABLE {t} ALTER COLUMN name SET NOT NULL;

-- # new column of a domain that is not null
-- what: domain
-- around: CREATE DOMAIN {s}.filled AS text NOT NULL;
-- columns: {a} int
-- dirty: 1
-- bad: true
-- shapes: plain partitioned
ALTER TABLE {t} ADD COLUMN name {s}.filled;

-- # new column of a domain with a check
-- what: domain
-- around: CREATE DOMAIN {s}.positive AS int CHECK (VALUE > 0);
-- columns: {a} int
-- dirty: 1
-- bad: true
-- early: 16.2
-- shapes: plain
ALTER TABLE {t} ADD COLUMN grade {s}.positive DEFAULT 0;

-- # new column of a domain that fits
-- what: -
-- around: CREATE DOMAIN {s}.positive AS int CHECK (VALUE > 0);
-- columns: {a} int
-- clean: 1
-- shapes: plain
ALTER TABLE {t} ADD COLUMN grade {s}.positive DEFAULT 1;

-- # new column by identity
-- what: -
-- columns: {a} int
-- clean: 1
-- shapes: plain
ALTER TABLE {t} ADD COLUMN n bigserial;

-- # type int to smallint
-- what: type
-- columns: {a} int
-- clean: # | NULL
-- dirty: 32768 | -99999
-- bad: {a} NOT BETWEEN -32768 AND 32767
-- mend: {a} = 0
-- shapes: plain heap gap other partitioned inherited pair quoted
ALTER TABLE {t} ALTER {a} TYPE smallint;

-- # type bigint to int
-- what: type
-- columns: {a} bigint
-- clean: #
-- dirty: 3000000000
-- bad: {a} > 2147483647
-- mend: {a} = 0
-- shapes: plain partitioned
ALTER TABLE {t} ALTER {a} SET DATA TYPE int;

-- # type int to bigint
-- what: -
-- columns: {a} int
-- clean: #
-- shapes: plain partitioned
ALTER TABLE {t} ALTER {a} TYPE bigint;

-- # type text to varchar(5)
-- what: type
-- columns: {a} text
-- clean: 'abcde' | 'abcde   ' | NULL | 'ééééé'
-- dirty: 'abcdef' | 'éééééé'
-- bad: length(rtrim({a})) > 5
-- mend: {a} = left({a}, 5)
-- shapes: plain heap other partitioned inherited quoted
ALTER TABLE {t} ALTER {a} TYPE varchar(5);

-- # type varchar(20) to varchar(5)
-- what: type
-- columns: {a} varchar(20)
-- clean: 'abcde' | ''
-- dirty: 'abcdef'
-- bad: length({a}) > 5
-- mend: {a} = left({a}, 5)
-- shapes: plain partitioned
ALTER TABLE {t} ALTER {a} TYPE varchar(5);

-- # type varchar(5) to varchar(20)
-- what: -
-- columns: {a} varchar(5)
-- clean: 'abcde'
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE varchar(20);

-- # type text to varchar(3) by a cast that cuts
-- what: -
-- columns: {a} text
-- clean: 'abcdef'
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE varchar(3) USING {a}::varchar(3);

-- # type text to varchar(3) by a text that is too long
-- what: type
-- columns: {a} text
-- clean: 'ab'
-- dirty: 'abc'
-- bad: length({a}) > 2
-- mend: {a} = 'a'
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE varchar(3) USING {a} || 'x';

-- # type text to char(3)
-- what: type
-- columns: {a} text
-- clean: 'ab' | 'abc'
-- dirty: 'abcd'
-- bad: length({a}) > 3
-- mend: {a} = ''
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE char(3);

-- # type list of varchar
-- what: type
-- columns: {a} text[]
-- clean: '{abc,NULL}' | '{}' | NULL
-- dirty: '{abc,abcd}'
-- bad: 'abcd' = ANY ({a})
-- mend: {a} = NULL
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE varchar(3)[];

-- # type numeric
-- what: type
-- columns: {a} numeric(12,4)
-- clean: 9.99 | 99.994 | NULL
-- dirty: 100 | 99.996
-- bad: abs(round({a}, 2)) >= 100
-- mend: {a} = 0
-- shapes: plain partitioned quoted
ALTER TABLE {t} ALTER {a} TYPE numeric(4,2);

-- # type float to real
-- what: type
-- columns: {a} float8
-- clean: 1.5 | 'NaN'
-- dirty: 1e300
-- bad: {a} = 1e300
-- mend: {a} = 0
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE real;

-- # type text to int
-- what: type
-- columns: {a} text
-- clean: '#' | ' 7 ' | NULL
-- dirty: 'x' | '' | '1.5' | '99999999999'
-- bad: {a} !~ '^ *\d{1,9} *$'
-- mend: {a} = NULL
-- shapes: plain heap gap other partitioned inherited pair quoted
ALTER TABLE {t} ALTER {a} TYPE int USING {a}::int;

-- # type text to int, blanks as null
-- what: type
-- columns: {a} text
-- clean: '#' | '' | '  '
-- dirty: 'n/a'
-- bad: {a} = 'n/a'
-- mend: {a} = ''
-- shapes: plain partitioned
ALTER TABLE {t} ALTER COLUMN {a} TYPE integer USING NULLIF(trim({a}), '')::integer;

-- # type text to int of a column that is not null
-- what: not null
-- columns: {a} text NOT NULL
-- clean: '#'
-- dirty: '' | ' '
-- bad: trim({a}) = ''
-- mend: {a} = '0'
-- shapes: plain partitioned
ALTER TABLE {t} ALTER COLUMN {a} TYPE integer USING NULLIF(trim({a}), '')::integer;

-- # type text to date
-- what: type
-- columns: {a} text
-- clean: '2026-01-31' | NULL
-- dirty: '2026-02-30' | 'soon'
-- bad: {a} IN ('2026-02-30', 'soon')
-- mend: {a} = NULL
-- shapes: plain inherited
ALTER TABLE {t} ALTER {a} TYPE date USING {a}::date;

-- # type text to timestamptz by a function
-- what: type
-- columns: {a} text
-- clean: '01.02.2026'
-- dirty: 'x'
-- bad: {a} = 'x'
-- mend: {a} = NULL
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE timestamptz USING to_timestamp({a}, 'DD.MM.YYYY');

-- # type text to uuid
-- what: type
-- columns: {a} text
-- clean: md5('#')
-- dirty: 'x'
-- bad: {a} = 'x'
-- mend: {a} = NULL
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE uuid USING {a}::uuid;

-- # type text to jsonb
-- what: type
-- columns: {a} text
-- clean: '{"k": #}' | 'null' | NULL
-- dirty: '{k: 1}' | ''
-- bad: {a} IN ('{k: 1}', '')
-- mend: {a} = NULL
-- shapes: plain partitioned
ALTER TABLE {t} ALTER {a} TYPE jsonb USING {a}::jsonb;

-- # type text to boolean
-- what: type
-- columns: {a} text
-- clean: 'yes' | 'f' | '1'
-- dirty: 'maybe'
-- bad: {a} = 'maybe'
-- mend: {a} = 'no'
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE boolean USING {a}::boolean;

-- # type of two columns
-- what: type
-- columns: {a} text; {b} text
-- clean: '#', '1.5'
-- dirty: 'x', '1' | '1', 'x' | 'x', 'x'
-- bad: {a} = 'x' OR {b} = 'x'
-- mend: {a} = '0', {b} = '0'
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE int USING {a}::int, ALTER {b} TYPE numeric(4,1) USING ({b})::numeric;

-- # type by another column
-- what: type
-- columns: {a} text; {b} text
-- clean: 'x', '#'
-- dirty: '1', 'x'
-- bad: {b} = 'x'
-- shapes: plain other
ALTER TABLE {t} ALTER {a} TYPE int USING {b}::int + 1;

-- # type under a check
-- what: check
-- columns: {a} numeric CHECK ({a} > 0)
-- clean: 0.5 | 2
-- dirty: 0.4
-- bad: {a} < 0.5
-- mend: {a} = 1
-- shapes: plain partitioned
ALTER TABLE {t} ALTER {a} TYPE int USING round({a});

-- # type under a unique constraint
-- what: unique
-- columns: {a} numeric UNIQUE
-- clean: #
-- dirty: 0.#1
-- bad: {a} <> trunc({a})
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE int;

-- # type under a unique index of an expression
-- what: unique
-- columns: {a} varchar(9)
-- clean: 'x#'
-- dirty: 'X0'
-- bad: {a} = 'X0'
-- late: CREATE UNIQUE INDEX once ON {t} (({a} || ''));
-- dirt: one
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE text USING lower({a});

-- # enum
-- what: type
-- around: CREATE TYPE {s}.mood AS ENUM ('up', 'down');
-- columns: {a} text
-- clean: 'up' | 'down' | NULL
-- dirty: 'UP' | 'sideways'
-- bad: {a} IN ('UP', 'sideways')
-- mend: {a} = 'up'
-- shapes: plain heap gap other partitioned inherited quoted
ALTER TABLE {t} ALTER {a} TYPE {s}.mood USING {a}::{s}.mood;

-- # enum that the file makes
-- what: type
-- columns: {a} text
-- clean: 'up' | NULL
-- dirty: 'sideways'
-- bad: {a} = 'sideways'
-- mend: {a} = 'up'
-- shapes: plain partitioned
CREATE TYPE {s}.mood AS ENUM ('up', 'down');
ALTER TABLE {t} ALTER {a} TYPE {s}.mood USING {a}::{s}.mood;

-- # enum with fewer labels
-- what: type
-- around: CREATE TYPE {s}.mood AS ENUM ('up', 'down', 'gone');
-- columns: {a} {s}.mood
-- clean: 'up' | 'down' | NULL
-- dirty: 'gone'
-- bad: {a} = 'gone'
-- mend: {a} = 'up'
-- shapes: plain partitioned
ALTER TYPE {s}.mood RENAME TO mood_old;
CREATE TYPE {s}.mood AS ENUM ('up', 'down');
ALTER TABLE {t} ALTER {a} TYPE {s}.mood USING {a}::text::{s}.mood;
DROP TYPE {s}.mood_old;

-- # enum with another label
-- what: -
-- around: CREATE TYPE {s}.mood AS ENUM ('up', 'down');
-- columns: {a} {s}.mood
-- clean: 'up'
-- shapes: plain
ALTER TYPE {s}.mood RENAME VALUE 'up' TO 'high';

-- # domain of a column
-- what: domain
-- around: CREATE DOMAIN {s}.email AS text CHECK (VALUE LIKE '%@%');
-- columns: {a} text
-- clean: 'x#@y' | NULL
-- dirty: 'x'
-- bad: {a} NOT LIKE '%@%'
-- mend: {a} = NULL
-- shapes: plain heap other partitioned inherited quoted
ALTER TABLE {t} ALTER {a} TYPE {s}.email;

-- # domain of a column by way of varchar
-- what: domain
-- around: CREATE DOMAIN {s}.code AS varchar(3) NOT NULL;
-- columns: {a} text
-- clean: 'abc'
-- dirty: 'abcd' | NULL
-- bad: {a} IS NULL OR length({a}) > 3
-- mend: {a} = ''
-- shapes: plain
ALTER TABLE {t} ALTER {a} TYPE {s}.code;

-- # domain with a check
-- what: domain
-- around: CREATE DOMAIN {s}.positive AS int;
-- columns: {a} {s}.positive
-- clean: 1 | NULL
-- dirty: 0
-- bad: {a} <= 0
-- mend: {a} = 1
-- shapes: plain heap gap other partitioned inherited quoted
ALTER DOMAIN {s}.positive ADD CONSTRAINT positive CHECK (VALUE > 0);

-- # domain not null
-- what: domain
-- around: CREATE DOMAIN {s}.filled AS text;
-- columns: {a} {s}.filled; {b} {s}.filled
-- clean: 'x', 'y'
-- dirty: NULL, 'y' | 'x', NULL
-- bad: {a} IS NULL OR {b} IS NULL
-- mend: {a} = '', {b} = ''
-- shapes: plain partitioned
ALTER DOMAIN {s}.filled SET NOT NULL;

-- # domain of two tables
-- what: domain
-- around: CREATE DOMAIN {s}.positive AS int; CREATE TABLE {s}.also (id int PRIMARY KEY, n {s}.positive); INSERT INTO {s}.also VALUES (1, 1), (2, NULL);
-- columns: {a} {s}.positive
-- clean: 1
-- dirty: -1
-- bad: {a} < 0
-- shapes: plain
ALTER DOMAIN {s}.positive ADD CHECK (VALUE > 0);

-- # domain not validated
-- what: -
-- around: CREATE DOMAIN {s}.positive AS int;
-- columns: {a} {s}.positive
-- clean: 1
-- dirty: 0
-- shapes: plain
ALTER DOMAIN {s}.positive ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;

-- # domain validated
-- what: domain
-- around: CREATE DOMAIN {s}.positive AS int;
-- columns: {a} {s}.positive
-- clean: 1
-- dirty: 0
-- bad: {a} = 0
-- mend: {a} = 1
-- late: ALTER DOMAIN {s}.positive ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID;
-- shapes: plain partitioned
ALTER DOMAIN {s}.positive VALIDATE CONSTRAINT positive;

-- # domain over a domain
-- what: domain
-- around: CREATE DOMAIN {s}.positive AS int; CREATE DOMAIN {s}.small AS {s}.positive CHECK (VALUE < 100);
-- columns: {a} {s}.small
-- clean: 1
-- dirty: 0
-- bad: {a} = 0
-- shapes: plain
ALTER DOMAIN {s}.positive ADD CHECK (VALUE > 0);

-- # attach by range
-- what: partition
-- columns: {a} int NOT NULL
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY RANGE ({a}); CREATE TABLE {s}.first PARTITION OF {s}.whole FOR VALUES FROM (0) TO (50);
-- clean: 50 + # | 99
-- dirty: 49 | 100
-- bad: {a} NOT BETWEEN 50 AND 99
-- mend: {a} = 50
-- shapes: plain heap gap other partitioned quoted
ALTER TABLE {s}.whole ATTACH PARTITION {t} FOR VALUES FROM (50) TO (100);

-- # attach by range that may be null
-- what: partition
-- columns: {a} int
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY RANGE ({a});
-- clean: 50 | 99
-- dirty: NULL | 100
-- bad: {a} IS NULL OR {a} = 100
-- mend: {a} = 50
-- shapes: plain
ALTER TABLE {s}.whole ATTACH PARTITION {t} FOR VALUES FROM (MINVALUE) TO (100);

-- # attach by a list
-- what: partition
-- columns: {a} text
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY LIST ({a});
-- clean: 'x' | NULL
-- dirty: 'X' | 'z'
-- bad: {a} IN ('X', 'z')
-- mend: {a} = 'y'
-- shapes: plain partitioned
ALTER TABLE {s}.whole ATTACH PARTITION {t} FOR VALUES IN ('x', 'y', NULL);

-- # attach by an expression
-- what: partition
-- columns: {a} text
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY LIST (lower({a}));
-- clean: 'x' | 'X'
-- dirty: 'z'
-- bad: {a} = 'z'
-- shapes: plain
ALTER TABLE {s}.whole ATTACH PARTITION {t} FOR VALUES IN ('x');

-- # attach by hash
-- what: partition
-- columns: {a} int
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY HASH ({a});
-- clean: 0 | 1 | 2
-- dirty: 3 | 4
-- bad: {a} IN (3, 4)
-- shapes: plain heap
ALTER TABLE {s}.whole ATTACH PARTITION {t} FOR VALUES WITH (MODULUS 2, REMAINDER 0);

-- # attach the rest
-- what: partition
-- columns: {a} int
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY RANGE ({a}); CREATE TABLE {s}.first PARTITION OF {s}.whole FOR VALUES FROM (0) TO (50);
-- clean: 50 + # | NULL
-- dirty: 0 | 49
-- bad: {a} BETWEEN 0 AND 49
-- mend: {a} = 50
-- shapes: plain quoted
ALTER TABLE {s}.whole ATTACH PARTITION {t} DEFAULT;

-- # a partition of what lies in the rest
-- what: partition
-- columns: {a} int
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY RANGE ({a}); ALTER TABLE {s}.whole ATTACH PARTITION {t} DEFAULT;
-- clean: 50 + # | NULL
-- dirty: 0 | 49
-- bad: {a} BETWEEN 0 AND 49
-- mend: {a} = 50
-- shapes: plain heap
CREATE TABLE {s}.first PARTITION OF {s}.whole FOR VALUES FROM (0) TO (50);

-- # attach what is proven to fit
-- what: -
-- columns: {a} int NOT NULL CHECK ({a} >= 0 AND {a} < 50)
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY RANGE ({a});
-- clean: #
-- shapes: plain
ALTER TABLE {s}.whole ATTACH PARTITION {t} FOR VALUES FROM (0) TO (50);

-- # attach to a unique key
-- what: unique
-- columns: {a} int NOT NULL; {b} int
-- beside: CREATE TABLE {s}.whole (LIKE {t}, UNIQUE ({a}, {b})) PARTITION BY RANGE ({a});
-- clean: #, # | #, NULL
-- dirty: 0, 0
-- bad: {a} = 0 AND {b} = 0
-- shapes: plain heap
ALTER TABLE {s}.whole ATTACH PARTITION {t} FOR VALUES FROM (0) TO (50);

-- # attach to a foreign key
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} int NOT NULL; {b} int
-- beside: CREATE TABLE {s}.whole (LIKE {t}) PARTITION BY RANGE ({a}); ALTER TABLE {s}.whole ADD FOREIGN KEY ({b}) REFERENCES {s}.p;
-- clean: #, # | #, NULL
-- dirty: 0, 100
-- bad: {b} = 100
-- mend: {b} = NULL
-- shapes: plain
ALTER TABLE {s}.whole ATTACH PARTITION {t} FOR VALUES FROM (0) TO (50);

-- # inherit
-- what: -
-- columns: {a} int
-- beside: CREATE TABLE {s}.whole (LIKE {t});
-- clean: #
-- shapes: plain
ALTER TABLE {t} INHERIT {s}.whole;

-- # generated
-- what: generated
-- columns: {a} int
-- clean: # + 1 | NULL
-- dirty: 0
-- bad: {a} = 0
-- mend: {a} = 1
-- shapes: plain heap gap other partitioned inherited quoted
ALTER TABLE {t} ADD COLUMN share int GENERATED ALWAYS AS (10 / {a}) STORED;

-- # generated not null
-- what: not null
-- columns: {a} text
-- clean: 'x#'
-- dirty: NULL
-- bad: {a} IS NULL
-- mend: {a} = ''
-- shapes: plain partitioned
ALTER TABLE {t} ADD COLUMN low text NOT NULL GENERATED ALWAYS AS (lower({a})) STORED;

-- # generated with a length
-- what: generated
-- columns: {a} text
-- clean: 'abc'
-- dirty: 'abcd'
-- bad: length({a}) > 3
-- mend: {a} = ''
-- shapes: plain
ALTER TABLE {t} ADD COLUMN low varchar(3) GENERATED ALWAYS AS (lower({a})) STORED;

-- # generated under a check
-- what: check
-- columns: {a} int
-- clean: 6 | NULL
-- dirty: 5
-- bad: {a} <= 5
-- mend: {a} = 6
-- shapes: plain partitioned
ALTER TABLE {t} ADD COLUMN twice int GENERATED ALWAYS AS ({a} * 2) STORED CHECK (twice > 10);

-- # generated and unique
-- what: unique
-- columns: {a} text
-- clean: 'x#'
-- dirty: 'X0'
-- dirt: one
-- bad: {a} = 'X0'
-- shapes: plain
ALTER TABLE {t} ADD COLUMN low text GENERATED ALWAYS AS (lower({a})) STORED UNIQUE;

-- # generated and referring
-- what: foreign key
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY); INSERT INTO {s}.p SELECT generate_series(0, 99);
-- columns: {a} int
-- clean: # | NULL
-- dirty: 60
-- bad: {a} = 60
-- mend: {a} = 1
-- shapes: plain
ALTER TABLE {t} ADD COLUMN twice int GENERATED ALWAYS AS ({a} * 2) STORED REFERENCES {s}.p;

-- # generated by another expression
-- what: generated
-- columns: {a} int
-- beside: ALTER TABLE {t} ADD {b} int GENERATED ALWAYS AS (1) STORED;
-- clean: # + 1
-- dirty: 0
-- bad: {a} = 0
-- mend: {a} = 1
-- shapes: plain
-- since: 17
ALTER TABLE {t} ALTER {b} SET EXPRESSION AS (10 / {a});

-- # generated when read
-- what: -
-- columns: {a} int
-- clean: # + 1
-- dirty: 0
-- shapes: plain
-- since: 18
ALTER TABLE {t} ADD COLUMN share int GENERATED ALWAYS AS (10 / {a}) VIRTUAL;

-- # generated when read, not null
-- what: not null
-- columns: {a} text
-- clean: 'x#'
-- dirty: NULL
-- bad: {a} IS NULL
-- mend: {a} = ''
-- shapes: plain
-- since: 18
ALTER TABLE {t} ADD COLUMN low text GENERATED ALWAYS AS (lower({a})) VIRTUAL NOT NULL;

-- # generated when read, under a check
-- what: check
-- columns: {a} int
-- clean: 6 | NULL
-- dirty: 5
-- bad: {a} <= 5
-- mend: {a} = 6
-- shapes: plain
-- since: 18
ALTER TABLE {t} ADD COLUMN twice int GENERATED ALWAYS AS ({a} * 2) VIRTUAL CHECK (twice > 10);

-- # several at once
-- what: check
-- columns: {a} int; {b} text
-- clean: # + 1, 'b#'
-- dirty: 0, 'bx'
-- bad: {a} = 0
-- mend: {a} = 1
-- shapes: plain gap other
ALTER TABLE {t} ALTER {b} SET NOT NULL, ADD CONSTRAINT positive CHECK ({a} > 0), ALTER {b} TYPE varchar(9), ADD COLUMN more int;

-- # what an earlier statement has changed
-- what: check
-- columns: {a} text; {b} int
-- clean: '#', 1
-- dirty: '90', 1
-- bad: {a} = '90'
-- mend: {a} = '0'
-- shapes: plain other
ALTER TABLE {t} ALTER {a} TYPE int USING {a}::int;
ALTER TABLE {t} RENAME {a} TO amount;
ALTER TABLE {t} ADD CONSTRAINT small CHECK (amount < 90);

-- # a column that takes the name of another
-- what: not null
-- columns: {a} int; {b} int
-- clean: NULL, 1
-- dirty: 1, NULL
-- bad: {b} IS NULL
-- mend: {b} = 1
-- shapes: plain other
ALTER TABLE {t} RENAME {a} TO gone;
ALTER TABLE {t} RENAME {b} TO {a};
ALTER TABLE {t} ALTER {a} SET NOT NULL;

-- # a table that moves to another schema
-- what: not null
-- around: CREATE SCHEMA {s}_new;
-- columns: {a} int
-- clean: 1
-- dirty: NULL
-- bad: {a} IS NULL
-- mend: {a} = 1
-- shapes: plain
ALTER TABLE {t} SET SCHEMA {s}_new;
ALTER TABLE {s}_new.t ALTER {a} SET NOT NULL;

-- # a constraint that is dropped again
-- what: check
-- columns: {a} int
-- clean: 1
-- dirty: 0
-- bad: {a} = 0
-- shapes: plain
ALTER TABLE {t} ADD CONSTRAINT positive CHECK ({a} > 0);
ALTER TABLE {t} DROP CONSTRAINT positive;

-- # an UPDATE beyond the type
-- columns: {a} int
-- clean: #
-- dirty: 2000000000
-- shapes: plain partitioned
UPDATE {t} SET {a} = {a} * 2;

-- # an UPDATE against a check
-- columns: {a} int CHECK ({a} < 100)
-- clean: #
-- dirty: 60
-- shapes: plain
UPDATE {t} SET {a} = {a} * 2;

-- # an INSERT of what is there
-- around: CREATE TABLE {s}.p (id int PRIMARY KEY);
-- columns: {a} int
-- clean: #
-- dirty: 0
-- shapes: plain
INSERT INTO {s}.p SELECT {a} FROM {t};

-- # a DELETE of what others refer to
-- columns: {a} int
-- beside: CREATE TABLE {s}.child (id int PRIMARY KEY, t_id int REFERENCES {t});
-- live: INSERT INTO {s}.child SELECT id, id FROM {t} WHERE {a} = 0;
-- clean: # + 1
-- dirty: 0
-- shapes: plain
DELETE FROM {t} WHERE {a} = 0;

-- # a query that divides
-- columns: {a} int
-- clean: # + 1
-- dirty: 0
-- shapes: plain
CREATE TABLE {s}.shares AS SELECT id, 10 / {a} AS share FROM {t};

-- # a materialized view that divides
-- columns: {a} int
-- clean: # + 1
-- dirty: 0
-- shapes: plain
CREATE MATERIALIZED VIEW {s}.shares AS SELECT id, 10 / {a} AS share FROM {t};

-- # a block that looks at rows
-- columns: {a} int
-- clean: # + 1
-- dirty: 0
-- shapes: plain
DO $$ BEGIN IF EXISTS (SELECT FROM {t} WHERE {a} = 0) THEN RAISE 'a row is in the way'; END IF; END $$;
