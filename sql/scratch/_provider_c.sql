-- How a database orders texts: by the C library's locales.
LOCALE_PROVIDER libc
