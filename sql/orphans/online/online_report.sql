-- What the batch has done.
SELECT current_setting('sqlrail.cleaned')::bigint,
       current_setting('sqlrail.archived')::bigint + {cascaded};
