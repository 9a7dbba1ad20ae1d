-- How a database orders texts: by ICU's.
LOCALE_PROVIDER icu ICU_LOCALE {locale}
