-- usage_analytics as the model had it before its columns were renamed, where users exist already.

CREATE TABLE "usage_analytics" ("id" UUID NOT NULL, "user_id" UUID NOT NULL REFERENCES "users" ("id") ON DELETE CASCADE, "feature_name" VARCHAR(100) NOT NULL, "action" VARCHAR(100) NOT NULL, "metadata" JSONB, "created_at" TIMESTAMP WITH TIME ZONE, PRIMARY KEY ("id"));

INSERT INTO users (id, email, password_hash) VALUES ('0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', 'ada@example.org', 'x');
INSERT INTO usage_analytics (id, user_id, feature_name, action, metadata) VALUES
    ('7b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', '0b0a1c62-6a5c-4a8e-9f43-0d6f3a1f7a01', 'export', 'click', '{"format": "csv"}');
