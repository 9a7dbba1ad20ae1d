        -- One round of a cleanup that is done again, and what it found added up.
{executed}
        PERFORM set_config('sqlrail.found', (current_setting('sqlrail.found')::bigint
                                             + current_setting('sqlrail.cleaned')::bigint)::text, true);
