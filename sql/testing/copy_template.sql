CREATE DATABASE {database} TEMPLATE {template} STRATEGY {strategy}
