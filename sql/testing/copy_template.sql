-- A test's own database, like the template.
CREATE DATABASE {database} TEMPLATE {template} STRATEGY {strategy};
