-- What a sequence counts by, facts of it or of the identity column whose it is; k.change begins the statement that sets one.
           json_build_array('increment', s.seqincrement::text{so}, format('%s INCREMENT BY %s', k.change, s.seqincrement), NULL{end}),
           json_build_array('minimum', s.seqmin::text{so}, format('%s MINVALUE %s', k.change, s.seqmin), NULL{end}),
           json_build_array('maximum', s.seqmax::text{so}, format('%s MAXVALUE %s', k.change, s.seqmax), NULL{end}),
           json_build_array('start', s.seqstart::text{so}, format('%s START WITH %s', k.change, s.seqstart), NULL{end}),
           json_build_array('cache', s.seqcache::text{so}, format('%s CACHE %s', k.change, s.seqcache), NULL{end}),
           json_build_array('cycle', CASE WHEN s.seqcycle THEN 'yes' ELSE 'no' END{so},
               format('%s %s', k.change, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END), NULL{end})
