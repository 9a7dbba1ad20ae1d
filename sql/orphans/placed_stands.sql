-- Whether what a look has placed stands, under the locks: no parent has gone, or become another, if there are as many old
-- ones as there were; and the child's rows are where they were, unless the table was written anew.
SELECT pg_relation_filenode({child_oid}) = {file}
       AND (SELECT count(*) FROM {parent} AS p WHERE age(p.xmin) > age({oldest}::xid)) = {parents};
