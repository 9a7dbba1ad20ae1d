        EXECUTE {quote}
{round}
{quote};
        PERFORM set_config('sqlrail.found', (current_setting('sqlrail.found')::bigint
                                             + current_setting('sqlrail.deleted')::bigint)::text, true);
