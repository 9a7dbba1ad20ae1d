-- Over a network: a runner's machine that vanishes sends no farewell, and would keep the lock for hours.
SET LOCAL tcp_keepalives_idle = {tcp_keepalives_idle};
SET LOCAL tcp_keepalives_interval = {tcp_keepalives_interval};
SET LOCAL tcp_keepalives_count = {tcp_keepalives_count};
SET LOCAL tcp_user_timeout = {tcp_user_timeout};
