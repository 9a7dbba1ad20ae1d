-- Over a network: a runner's machine that vanishes sends no farewell, and would keep the lock for hours.
SET LOCAL tcp_keepalives_idle = 1;
SET LOCAL tcp_keepalives_interval = 1;
SET LOCAL tcp_keepalives_count = 2;
SET LOCAL tcp_user_timeout = '2s';
