-- Whether what a look has placed stands, under the locks: no parent has gone, or become another, if there are as many old
-- ones as there were; and the child's rows are where they were, unless the table was written anew. And whether no parent
-- has come either: what was placed, and is there as it was, is an orphan then without being looked up.
SELECT pg_relation_filenode({child_oid}) = {file} AND count(*) FILTER (WHERE age(p.xmin) > age({oldest}::xid)) = {parents},
       count(*) = {parents}
  FROM {parent} AS p;
