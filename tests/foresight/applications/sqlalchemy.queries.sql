select current_schema();

-- $1 = '00000000-0000-0000-0000-000000000007', $2 = 'grace@example.org', $3 = 'x', $4 = NULL, $5 = NULL, $6 = NULL, $7 = 'f', $8 = NULL, $9 = NULL
INSERT INTO users (id, email, password_hash, first_name, last_name, google_id, is_verified, verification_token, refresh_token, created_at, updated_at) VALUES ($1::UUID, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::VARCHAR, $7, $8::VARCHAR, $9::VARCHAR, now(), now()) RETURNING users.created_at, users.updated_at;

-- $1 = '5aecb64c-d31d-4f60-8df7-b9b06ffd5c37', $2 = '00000000-0000-0000-0000-000000000007', $3 = 'login', $4 = '{"from": "grace@example.org"}', $5 = NULL, $6 = '192.0.2.7', $7 = NULL
INSERT INTO usage_analytics (id, user_id, event_type, event_data, session_id, ip_address, user_agent, created_at) VALUES ($1::UUID, $2::UUID, $3::VARCHAR, $4::JSONB, $5::VARCHAR, $6, $7::VARCHAR, now()) RETURNING usage_analytics.created_at;

-- $1 = '00000000-0000-0000-0000-000000000009', $2 = 'ada@example.org', $3 = 'y', $4 = 'f'
INSERT INTO users (id, email, password_hash, is_verified, created_at, updated_at) VALUES ($1::UUID, $2::VARCHAR, $3::VARCHAR, $4, now(), now()) ON CONFLICT (email) DO UPDATE SET password_hash = excluded.password_hash;

-- $1 = '00000000-0000-0000-0000-00000000000a', $2 = 'ada@example.org', $3 = 'y', $4 = 'f'
INSERT INTO users (id, email, password_hash, is_verified, created_at, updated_at) VALUES ($1::UUID, $2::VARCHAR, $3::VARCHAR, $4, now(), now()) ON CONFLICT DO NOTHING;

-- $1 = 'grace@example.org'
SELECT users.id, users.email, users.password_hash, users.first_name, users.last_name, users.google_id, users.is_verified, users.verification_token, users.refresh_token, users.created_at, users.updated_at 
FROM users 
WHERE users.email = $1::VARCHAR FOR UPDATE;

-- $1 = 'g7', $2 = 't', $3 = '00000000-0000-0000-0000-000000000007'
UPDATE users SET google_id=$1::VARCHAR, is_verified=$2 WHERE users.id = $3::UUID;

-- $1 = 'unknown'
UPDATE users SET last_name=$1::VARCHAR WHERE users.last_name IS NULL;

-- $1 = 's1', $2 = '00000000-0000-0000-0000-000000000007'
UPDATE usage_analytics SET session_id=$1::VARCHAR WHERE usage_analytics.user_id = $2::UUID RETURNING usage_analytics.id;

-- $1 = 'e23e9a85-10be-41ce-b43e-593777769b9c', $2 = '00000000-0000-0000-0000-000000000007', $3 = 'click', $4 = NULL, $5 = NULL, $6 = NULL, $7 = '8c95873d-7fd2-4a39-8243-8b9bba9a17e7', $8 = '00000000-0000-0000-0000-000000000007', $9 = 'click', $10 = NULL, $11 = NULL, $12 = NULL, $13 = '70bf1097-90b0-4004-8234-60bf8d0eb425', $14 = '00000000-0000-0000-0000-000000000007', $15 = 'click', $16 = NULL, $17 = NULL, $18 = NULL
INSERT INTO usage_analytics (id, user_id, event_type, session_id, ip_address, user_agent, created_at) VALUES ($1::UUID, $2::UUID, $3::VARCHAR, $4::VARCHAR, $5, $6::VARCHAR, now()), ($7::UUID, $8::UUID, $9::VARCHAR, $10::VARCHAR, $11, $12::VARCHAR, now()), ($13::UUID, $14::UUID, $15::VARCHAR, $16::VARCHAR, $17, $18::VARCHAR, now()) RETURNING usage_analytics.created_at, usage_analytics.id;

-- $1 = '5'
SELECT users.id, users.email, users.password_hash, users.first_name, users.last_name, users.google_id, users.is_verified, users.verification_token, users.refresh_token, users.created_at, users.updated_at 
FROM users ORDER BY users.created_at 
 LIMIT $1::INTEGER;

-- $1 = 'c11ed8a9-ba3a-4c97-917e-0600e4985488', $2 = '916e8287-603a-4bcb-b767-85430aa8e394', $3 = '00000000-0000-0000-0000-000000000007'
SELECT usage_analytics.user_id, usage_analytics.id, usage_analytics.event_type, usage_analytics.event_data, usage_analytics.session_id, usage_analytics.ip_address, usage_analytics.user_agent, usage_analytics.created_at 
FROM usage_analytics 
WHERE usage_analytics.user_id IN ($1::UUID, $2::UUID, $3::UUID);

-- $1 = '00000000-0000-0000-0000-000000000007'
SELECT users.id, users.email, users.password_hash, users.first_name, users.last_name, users.google_id, users.is_verified, users.verification_token, users.refresh_token, users.created_at, users.updated_at, usage_analytics_1.id AS id_1, usage_analytics_1.user_id, usage_analytics_1.event_type, usage_analytics_1.event_data, usage_analytics_1.session_id, usage_analytics_1.ip_address, usage_analytics_1.user_agent, usage_analytics_1.created_at AS created_at_1 
FROM users LEFT OUTER JOIN usage_analytics AS usage_analytics_1 ON users.id = usage_analytics_1.user_id 
WHERE users.id = $1::UUID;

WITH newest AS 
(SELECT usage_analytics.user_id AS user_id, max(usage_analytics.created_at) AS last 
FROM usage_analytics GROUP BY usage_analytics.user_id)
 SELECT users.email, newest.last 
FROM users JOIN newest ON newest.user_id = users.id;

SELECT usage_analytics.id, row_number() OVER (PARTITION BY usage_analytics.user_id ORDER BY usage_analytics.created_at DESC) AS anon_1 
FROM usage_analytics;

-- $1 = '1'
SELECT usage_analytics.event_type, count(*) AS count_1 
FROM usage_analytics GROUP BY usage_analytics.event_type 
HAVING count(*) > $1::INTEGER;

-- $1 = 'from', $2 = 'ada@example.org'
SELECT usage_analytics.id 
FROM usage_analytics 
WHERE (usage_analytics.event_data ->> $1::TEXT) = $2::VARCHAR;

-- $1 = '192.0.2.7'
SELECT usage_analytics.user_agent 
FROM usage_analytics 
WHERE usage_analytics.ip_address = $1;

-- $1 = 't'
SELECT EXISTS (SELECT users.id 
FROM users 
WHERE users.refresh_token = $1::VARCHAR) AS anon_1;

-- $1 = '2026-01-05 00:00:00'
SELECT verification_token FROM users WHERE updated_at < $1;

-- $1 = 'click'
DELETE FROM usage_analytics WHERE usage_analytics.event_type = $1::VARCHAR;

-- $1 = 'c11ed8a9-ba3a-4c97-917e-0600e4985488'
DELETE FROM users WHERE users.id = $1::UUID;
