-- What years of sync({ alter: true }) leave: no defaults, timestamps that may be null, a unique constraint twice, keys
-- doubled, changed or lost; and in usage_analytics an event whose user is gone, so that its key cannot come back.

CREATE TABLE IF NOT EXISTS "users" ("id" UUID NOT NULL, "email" VARCHAR(255) NOT NULL UNIQUE, "password_hash" VARCHAR(500) NOT NULL, "first_name" VARCHAR(100), "last_name" VARCHAR(100), "google_id" VARCHAR(255), "is_verified" BOOLEAN, "verification_token" VARCHAR(500), "refresh_token" TEXT, "created_at" TIMESTAMP WITH TIME ZONE, "updated_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));
ALTER TABLE "users" ADD CONSTRAINT "users_email_key1" UNIQUE ("email");

CREATE TABLE IF NOT EXISTS "subscriptions" ("id" UUID NOT NULL, "user_id" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE, "plan" VARCHAR(50) NOT NULL, "status" VARCHAR(50) NOT NULL, "cancel_at_period_end" BOOLEAN, "current_period_end" TIMESTAMP WITH TIME ZONE, "created_at" TIMESTAMP WITH TIME ZONE, "updated_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));

CREATE TABLE IF NOT EXISTS "sessions" ("id" UUID NOT NULL, "user_id" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE, "token_hash" VARCHAR(255) NOT NULL, "expires_at" TIMESTAMP WITH TIME ZONE NOT NULL, "created_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));
CREATE INDEX "sessions_user_id" ON "sessions" ("user_id");

CREATE TABLE IF NOT EXISTS "user_behaviors" ("id" UUID NOT NULL, "user_id" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE, "behavior_type" VARCHAR(100) NOT NULL, "behavior_data" JSONB, "created_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));
ALTER TABLE "user_behaviors" ADD FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "user_behaviors" ADD FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE IF NOT EXISTS "analytics_reports" ("id" UUID NOT NULL, "user_id" UUID NOT NULL REFERENCES "users" ("id") ON DELETE NO ACTION ON UPDATE CASCADE, "report_type" VARCHAR(100) NOT NULL, "report_data" JSONB, "period_start" DATE, "period_end" DATE, "created_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));

CREATE TABLE IF NOT EXISTS "onboarding_steps" ("id" UUID NOT NULL, "user_id" UUID NOT NULL, "step_name" VARCHAR(100) NOT NULL, "is_completed" BOOLEAN, "completed_at" TIMESTAMP WITH TIME ZONE, "created_at" TIMESTAMP WITH TIME ZONE, "updated_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));
ALTER TABLE "onboarding_steps" ADD CONSTRAINT "onboarding_steps_userId_foreign_idx" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE;

CREATE TABLE IF NOT EXISTS "onboarding_answers" ("id" UUID NOT NULL, "user_id" UUID NOT NULL, "question" VARCHAR(255) NOT NULL, "answer" JSONB, "created_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));

CREATE TABLE IF NOT EXISTS "usage_analytics" ("id" UUID NOT NULL, "user_id" UUID NOT NULL, "event_type" VARCHAR(100) NOT NULL, "event_data" JSONB, "session_id" VARCHAR(255), "ip_address" INET, "user_agent" TEXT, "created_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));
CREATE INDEX "usage_analytics_user_id" ON "usage_analytics" ("user_id");
CREATE INDEX "usage_analytics_created_at" ON "usage_analytics" ("created_at");

INSERT INTO users (id, email, password_hash, first_name, last_name, google_id, is_verified, created_at, updated_at) VALUES
    ('0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', 'ada@example.org', 'x', 'Ada', 'Lovelace', NULL, true, '2024-03-01 09:00:00+00', '2024-03-02 10:30:00+00'),
    ('0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a02', 'grace@example.org', 'y', 'Grace', NULL, '1081', NULL, NULL, NULL);

INSERT INTO subscriptions (id, user_id, plan, status, cancel_at_period_end, current_period_end, created_at) VALUES
    ('1b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', 'monthly', 'active', NULL, '2024-04-01 09:00:00+00', NULL);

INSERT INTO sessions (id, user_id, token_hash, expires_at, created_at) VALUES
    ('2b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a02', 'c0ffee', '2024-05-01 09:00:00+00', NULL);

INSERT INTO user_behaviors (id, user_id, behavior_type, behavior_data, created_at) VALUES
    ('3b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', 'search', '{"words": ["engine"]}', '2024-03-03 08:00:00+00');

INSERT INTO analytics_reports (id, user_id, report_type, report_data, period_start, period_end, created_at) VALUES
    ('4b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a02', 'weekly', NULL, '2024-03-04', '2024-03-10', NULL);

INSERT INTO onboarding_steps (id, user_id, step_name, is_completed, completed_at) VALUES
    ('5b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', 'profile', true, '2024-03-01 09:05:00+00'),
    ('5b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a02', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', 'invite', NULL, NULL);

INSERT INTO onboarding_answers (id, user_id, question, answer) VALUES
    ('6b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a02', 'What brings you here?', '"a moth"');

INSERT INTO usage_analytics (id, user_id, event_type, event_data, session_id, ip_address, user_agent, created_at) VALUES
    ('7b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', 'login', '{"method": "password"}', 's1', '192.0.2.7', 'Mozilla/5.0', '2024-03-03 08:00:00+00'),
    ('7b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a02', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a02', 'export', NULL, NULL, '2001:db8::7', NULL, NULL),
    ('7b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a03', 'c11ed8a9-ba3a-4c97-917e-0600e4985488', 'login', '{"method": "google"}', 's2', NULL, 'Mozilla/5.0', '2024-03-05 18:20:00+00');
