-- How a database orders texts: by ICU's, with rules besides.
LOCALE_PROVIDER icu ICU_LOCALE {locale} ICU_RULES {rules}
