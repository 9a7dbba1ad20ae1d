-- Whether a cleanup has archived rows of the run as packs, see nodes_archive_packs.sql.
SELECT EXISTS (SELECT FROM sqlrail.archive WHERE run = {run} AND action LIKE '% packed' AND jsonb_typeof(cells) = 'array');
