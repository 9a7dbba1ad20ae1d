-- What was found: how many rows, and what forbids the cleanup.
SELECT pg_catalog.json_build_object(
    'groups', (SELECT count(*) FROM (SELECT DISTINCT kept_part, kept_tid FROM {gone}) AS kept),
    'gone', ARRAY[{counts_gone}]::bigint[],
    'referring', ARRAY[{counts_referring}]::bigint[],
    'pointed', ARRAY[{counts_pointed}]::bigint[],
    'rows', {rows},
    'refusals', ARRAY({refusals}))
