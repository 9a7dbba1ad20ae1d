-- What the batch has done.
SELECT current_setting('sqlrail.deleted')::bigint,
       current_setting('sqlrail.archived')::bigint + {cascaded};
