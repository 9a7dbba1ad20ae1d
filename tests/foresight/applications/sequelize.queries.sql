-- $1 = '00000000-0000-4000-8000-000000000007', $2 = 'grace@example.org', $3 = 'x', $4 = 'f', $5 = '2026-11-29 18:40:30.094+00', $6 = '2026-11-29 18:40:30.094+00'
INSERT INTO "users" ("id","email","password_hash","is_verified","updated_at","created_at") VALUES ($1,$2,$3,$4,$5,$6) RETURNING "id","email","password_hash","first_name","last_name","google_id","is_verified","verification_token","refresh_token","updated_at","created_at";

-- $1 = '00000000-0000-4000-8000-000000000007', $2 = '00000000-0000-4000-8000-000000000007', $3 = 'login', $4 = '{"from": "grace"}', $5 = '2026-11-29 18:40:30.157+00'
INSERT INTO "usage_analytics" ("id","user_id","event_type","event_data","created_at") VALUES ($1,$2,$3,$4,$5) RETURNING "id","user_id","event_type","event_data","session_id","ip_address","user_agent","created_at";

SELECT "id", "email", "password_hash" AS "passwordHash", "first_name" AS "firstName", "last_name" AS "lastName", "google_id" AS "googleId", "is_verified" AS "isVerified", "verification_token" AS "verificationToken", "refresh_token" AS "refreshToken", "updated_at" AS "updatedAt", "created_at" AS "createdAt" FROM "users" AS "User" WHERE "User"."email" = 'ada@example.org';

-- $1 = '00000000-0000-4000-8000-000000000007', $2 = 'grace@example.org', $3 = 'z', $4 = 'Grace', $5 = 'f', $6 = '2026-11-29 18:40:30.213+00', $7 = '2026-11-29 18:40:30.213+00'
INSERT INTO "users" ("id","email","password_hash","first_name","is_verified","created_at","updated_at") VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT ("id") DO UPDATE SET "id"=EXCLUDED."id","email"=EXCLUDED."email","password_hash"=EXCLUDED."password_hash","first_name"=EXCLUDED."first_name","updated_at"=EXCLUDED."updated_at" RETURNING "id","email","password_hash","first_name","last_name","google_id","is_verified","verification_token","refresh_token","updated_at","created_at";

INSERT INTO "usage_analytics" ("id","user_id","event_type","created_at") VALUES ('00000000-0000-4000-8000-000000000008','00000000-0000-4000-8000-000000000007','click','2026-11-29 18:40:30.233 +00:00'),('00000000-0000-4000-8000-000000000009','00000000-0000-4000-8000-000000000007','click','2026-11-29 18:40:30.233 +00:00') ON CONFLICT ("id") DO UPDATE SET "event_type"=EXCLUDED."event_type" RETURNING "id","user_id","event_type","event_data","session_id","ip_address","user_agent","created_at";

-- $1 = '00000000-0000-4000-8000-000000000007', $2 = '00000000-0000-4000-8000-000000000007', $3 = 'free', $4 = 'active', $5 = 'f', $6 = '2026-11-29 18:40:30.264+00', $7 = '2026-11-29 18:40:30.264+00'
INSERT INTO "subscriptions" ("id","user_id","plan","status","cancel_at_period_end","updated_at","created_at") VALUES ($1,$2,$3,$4,$5,$6,$7) RETURNING "id","user_id","plan","status","cancel_at_period_end","current_period_end","updated_at","created_at";

-- $1 = '00000000-0000-4000-8000-000000000007', $2 = '00000000-0000-4000-8000-000000000007', $3 = 't', $4 = '1970-01-01 00:00:00+00', $5 = '2026-11-29 18:40:30.279+00'
INSERT INTO "sessions" ("id","user_id","token_hash","expires_at","created_at") VALUES ($1,$2,$3,$4,$5) RETURNING "id","user_id","token_hash","expires_at","created_at";

-- $1 = 'paid', $2 = '2026-11-29 18:40:30.292+00', $3 = '00000000-0000-4000-8000-000000000007', $4 = 'f'
UPDATE "subscriptions" SET "plan"=$1,"updated_at"=$2 WHERE "user_id" = $3 AND "cancel_at_period_end" = $4;

SELECT "id", "email", "password_hash" AS "passwordHash", "first_name" AS "firstName", "last_name" AS "lastName", "google_id" AS "googleId", "is_verified" AS "isVerified", "verification_token" AS "verificationToken", "refresh_token" AS "refreshToken", "updated_at" AS "updatedAt", "created_at" AS "createdAt" FROM "users" AS "User" WHERE "User"."id" = '00000000-0000-4000-8000-000000000007' FOR UPDATE;

-- $1 = 'g7', $2 = 't', $3 = '2026-11-29 18:40:30.439+00', $4 = '00000000-0000-4000-8000-000000000007'
UPDATE "users" SET "google_id"=$1,"is_verified"=$2,"updated_at"=$3 WHERE "id" = $4;

SELECT "User".*, "UsageAnalytics"."id" AS "UsageAnalytics.id", "UsageAnalytics"."user_id" AS "UsageAnalytics.userId", "UsageAnalytics"."event_type" AS "UsageAnalytics.eventType", "UsageAnalytics"."event_data" AS "UsageAnalytics.eventData", "UsageAnalytics"."session_id" AS "UsageAnalytics.sessionId", "UsageAnalytics"."ip_address" AS "UsageAnalytics.ipAddress", "UsageAnalytics"."user_agent" AS "UsageAnalytics.userAgent", "UsageAnalytics"."created_at" AS "UsageAnalytics.createdAt" FROM (SELECT "User"."id", "User"."email", "User"."password_hash" AS "passwordHash", "User"."first_name" AS "firstName", "User"."last_name" AS "lastName", "User"."google_id" AS "googleId", "User"."is_verified" AS "isVerified", "User"."verification_token" AS "verificationToken", "User"."refresh_token" AS "refreshToken", "User"."updated_at" AS "updatedAt", "User"."created_at" AS "createdAt" FROM "users" AS "User" ORDER BY "User"."email" LIMIT 5) AS "User" LEFT OUTER JOIN "usage_analytics" AS "UsageAnalytics" ON "User"."id" = "UsageAnalytics"."user_id" ORDER BY "User"."email";

SELECT "email" FROM "users" AS "User" WHERE "User"."email" ILIKE '%example%' AND "User"."last_name" IS NULL;

SELECT count(*) AS "count" FROM "usage_analytics" AS "UsageAnalytics" WHERE "UsageAnalytics"."event_type" IN ('login', 'click');

SELECT "id", "user_id" AS "userId", "event_type" AS "eventType", "event_data" AS "eventData", "session_id" AS "sessionId", "ip_address" AS "ipAddress", "user_agent" AS "userAgent", "created_at" AS "createdAt" FROM "usage_analytics" AS "UsageAnalytics" WHERE "UsageAnalytics"."event_type" IN ('login', 'click') LIMIT 2 OFFSET 1;

SELECT "event_type" AS "eventType", COUNT("id") AS "number" FROM "usage_analytics" AS "UsageAnalytics" GROUP BY "eventType";

SELECT "id" FROM "usage_analytics" AS "UsageAnalytics" WHERE ("UsageAnalytics"."event_data"#>>'{from}') = 'grace';

SELECT "UsageAnalytics"."id", "UsageAnalytics"."user_id" AS "userId", "UsageAnalytics"."event_type" AS "eventType", "UsageAnalytics"."event_data" AS "eventData", "UsageAnalytics"."session_id" AS "sessionId", "UsageAnalytics"."ip_address" AS "ipAddress", "UsageAnalytics"."user_agent" AS "userAgent", "UsageAnalytics"."created_at" AS "createdAt", "User"."id" AS "User.id", "User"."email" AS "User.email", "User"."password_hash" AS "User.passwordHash", "User"."first_name" AS "User.firstName", "User"."last_name" AS "User.lastName", "User"."google_id" AS "User.googleId", "User"."is_verified" AS "User.isVerified", "User"."verification_token" AS "User.verificationToken", "User"."refresh_token" AS "User.refreshToken", "User"."updated_at" AS "User.updatedAt", "User"."created_at" AS "User.createdAt" FROM "usage_analytics" AS "UsageAnalytics" INNER JOIN "users" AS "User" ON "UsageAnalytics"."user_id" = "User"."id" ORDER BY "createdAt" DESC;

SELECT "id", "user_id" AS "userId", "token_hash" AS "tokenHash", "expires_at" AS "expiresAt", "created_at" AS "createdAt" FROM "sessions" AS "Session" WHERE "Session"."token_hash" = 't' AND "Session"."expires_at" < '2026-11-29 18:40:30.539 +00:00' LIMIT 1;

SELECT max("created_at") AS "max" FROM "users" AS "User";

-- $1 = '1970-01-01 00:00:00+00'
SELECT verification_token FROM users WHERE updated_at < $1;

SELECT ip_address FROM usage_analytics WHERE session_id = 's';

DELETE FROM "usage_analytics" WHERE "event_type" = 'click';

DELETE FROM "sessions" WHERE "user_id" = '00000000-0000-4000-8000-000000000007';

DELETE FROM "users" WHERE "id" = 'c11ed8a9-ba3a-4c97-917e-0600e4985488';
