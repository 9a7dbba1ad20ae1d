-- Whether a cleanup has archived rows of the run as packs.
SELECT EXISTS (SELECT FROM sqlrail.archive WHERE run = {run} AND action LIKE '% packed');
