-- template0: what a site has put into template1, nobody knows.
CREATE DATABASE {database} TEMPLATE template0 ENCODING {encoding} LC_COLLATE {collate} LC_CTYPE {ctype} {provider};
