-- A composite's text with a comma more for each attribute that its type has been given since: that is null then.
pg_catalog.regexp_replace({cell}, '\)$', pg_catalog.repeat(',',
    {attributes} - 1 - pg_catalog.regexp_count(pg_catalog.regexp_replace({cell}, '"([^"\\]|\\.)*"', '', 'g'), ',')) || ')')
