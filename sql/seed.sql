-- Rows to work with in development, for the tables of the shipped migrations: `sqlrail reset --seed` loads them. Three
-- people and what they did this month. Nobody can log in as one of them: no hash is '!'.
--
-- Tables that are your own want a seed of their own: name it in SQLRAIL_SEED, or write it here.

INSERT INTO users (id, email, password_hash, first_name, last_name, google_id, is_verified, created_at) VALUES
    ('0a000000-0000-4000-8000-000000000001', 'ada@example.org', '!', 'Ada', 'Lovelace', NULL, true, now() - interval '30 days'),
    ('0a000000-0000-4000-8000-000000000002', 'grace@example.org', '!', 'Grace', 'Hopper', '108152', true, now() - interval '12 days'),
    ('0a000000-0000-4000-8000-000000000003', 'alan@example.org', '!', NULL, NULL, NULL, false, now() - interval '1 hour');

INSERT INTO subscriptions (user_id, plan, status, cancel_at_period_end, current_period_end, created_at)
SELECT users.id, plan, status, status = 'canceled', now() + days * interval '1 day', users.created_at
  FROM (VALUES ('ada@example.org', 'yearly', 'active', 335), ('grace@example.org', 'monthly', 'canceled', 18))
       AS bought (email, plan, status, days)
  JOIN users USING (email);

INSERT INTO sessions (user_id, token_hash, expires_at, created_at)
SELECT id, md5(email), now() + interval '14 days', now() - interval '2 hours' FROM users WHERE is_verified;

INSERT INTO user_behaviors (user_id, behavior_type, behavior_data, created_at)
SELECT users.id, 'search', jsonb_build_object('words', words), now() - days * interval '1 day'
  FROM (VALUES ('ada@example.org', ARRAY['engine', 'notes'], 9), ('ada@example.org', ARRAY['bernoulli'], 3),
               ('grace@example.org', ARRAY['moth'], 5)) AS searched (email, words, days)
  JOIN users USING (email);

INSERT INTO analytics_reports (user_id, report_type, report_data, period_start, period_end)
SELECT id, 'weekly', '{"logins": 4, "exports": 1}', current_date - 7, current_date - 1
  FROM users WHERE email = 'ada@example.org';

INSERT INTO onboarding_steps (user_id, step_name, is_completed, completed_at)
SELECT id, step, is_verified, CASE WHEN is_verified THEN created_at + interval '5 minutes' END
  FROM users CROSS JOIN (VALUES ('profile'), ('invite')) AS steps (step);

INSERT INTO onboarding_answers (user_id, question, answer)
SELECT id, 'What brings you here?', to_jsonb('a search for ' || first_name) FROM users WHERE first_name IS NOT NULL;

INSERT INTO usage_analytics (user_id, event_type, event_data, session_id, ip_address, user_agent, created_at)
SELECT users.id, event_type, jsonb_build_object('day', day), 's' || day, '192.0.2.7', 'Mozilla/5.0',
       now() - day * interval '1 day'
  FROM users CROSS JOIN (VALUES ('login'), ('export')) AS events (event_type) CROSS JOIN generate_series(0, 11) AS days (day)
 WHERE is_verified AND (event_type = 'login' OR day % 4 = 0);
