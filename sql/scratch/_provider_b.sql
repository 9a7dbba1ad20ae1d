-- How a database orders texts: by PostgreSQL's own locales.
LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}
