-- A composite's text with a comma more for each attribute that its type has been given since: that is null then.
regexp_replace({cell}, '\)$', repeat(',',
    {attributes} - 1 - regexp_count(regexp_replace({cell}, '"([^"\\]|\\.)*"', '', 'g'), ',')) || ')')
