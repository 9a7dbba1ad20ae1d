-- As the site makes its databases: from template1.
CREATE DATABASE {database};
