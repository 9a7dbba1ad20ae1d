        EXECUTE {quote}
{round}
{quote};
        PERFORM set_config('sqlrail.found', (current_setting('sqlrail.found')::bigint
                                             + current_setting('sqlrail.cleaned')::bigint)::text, true);
