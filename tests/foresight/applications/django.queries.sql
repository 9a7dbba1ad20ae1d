INSERT INTO "users" ("id", "email", "password_hash", "first_name", "last_name", "google_id", "is_verified", "verification_token", "refresh_token", "created_at", "updated_at") VALUES ('00000000000000000000000000000007'::uuid, 'grace@example.org', 'x', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:41:02.267450+00:00'::timestamptz, '2026-11-29 18:41:02.267488+00:00'::timestamptz);

INSERT INTO "usage_analytics" ("id", "user_id", "event_type", "event_data", "session_id", "ip_address", "user_agent", "created_at") VALUES ('8089170604f64ad98f78630bcafce7ea'::uuid, '00000000000000000000000000000007'::uuid, 'login', '{"from": "grace@example.org"}'::jsonb, NULL, '192.0.2.7'::inet, NULL, '2026-11-29 18:41:02.272108+00:00'::timestamptz);

SELECT "users"."id", "users"."email", "users"."password_hash", "users"."first_name", "users"."last_name", "users"."google_id", "users"."is_verified", "users"."verification_token", "users"."refresh_token", "users"."created_at", "users"."updated_at" FROM "users" WHERE "users"."email" = 'alan@example.org' LIMIT 21;

INSERT INTO "users" ("id", "email", "password_hash", "first_name", "last_name", "google_id", "is_verified", "verification_token", "refresh_token", "created_at", "updated_at") VALUES ('00000000000000000000000000000008'::uuid, 'alan@example.org', 'x', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:41:02.292234+00:00'::timestamptz, '2026-11-29 18:41:02.292268+00:00'::timestamptz);

SELECT "users"."id", "users"."email", "users"."password_hash", "users"."first_name", "users"."last_name", "users"."google_id", "users"."is_verified", "users"."verification_token", "users"."refresh_token", "users"."created_at", "users"."updated_at" FROM "users" WHERE "users"."email" = 'ada@example.org' LIMIT 21 FOR UPDATE;

UPDATE "users" SET "first_name" = 'Ada', "created_at" = '2026-11-29 18:40:59.372034+00:00'::timestamptz, "updated_at" = '2026-11-29 18:41:02.310635+00:00'::timestamptz WHERE "users"."id" = 'ec21d90225484b2f8087238454b120aa'::uuid;

INSERT INTO "users" ("id", "email", "password_hash", "first_name", "last_name", "google_id", "is_verified", "verification_token", "refresh_token", "created_at", "updated_at") VALUES ('00000000000000000000000000000009'::uuid, 'ada@example.org', 'y', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:41:02.320797+00:00'::timestamptz, '2026-11-29 18:41:02.320826+00:00'::timestamptz) ON CONFLICT("email") DO UPDATE SET "password_hash" = EXCLUDED."password_hash";

UPDATE "users" SET "last_name" = 'unknown', "is_verified" = true WHERE "users"."last_name" IS NULL;

SELECT "users"."id", "users"."email", "users"."password_hash", "users"."first_name", "users"."last_name", "users"."google_id", "users"."is_verified", "users"."verification_token", "users"."refresh_token", "users"."created_at", "users"."updated_at" FROM "users" WHERE "users"."email" = 'grace@example.org' LIMIT 21 FOR UPDATE;

UPDATE "users" SET "email" = 'grace@example.org', "password_hash" = 'x', "first_name" = NULL, "last_name" = 'unknown', "google_id" = 'g7', "is_verified" = true, "verification_token" = NULL, "refresh_token" = NULL, "created_at" = '2026-11-29 18:41:02.267450+00:00'::timestamptz, "updated_at" = '2026-11-29 18:41:02.338544+00:00'::timestamptz WHERE "users"."id" = '00000000000000000000000000000007'::uuid;

SELECT "usage_analytics"."id", "usage_analytics"."user_id", "usage_analytics"."event_type", "usage_analytics"."event_data", "usage_analytics"."session_id", "usage_analytics"."ip_address", "usage_analytics"."user_agent", "usage_analytics"."created_at", "users"."id", "users"."email", "users"."password_hash", "users"."first_name", "users"."last_name", "users"."google_id", "users"."is_verified", "users"."verification_token", "users"."refresh_token", "users"."created_at", "users"."updated_at" FROM "usage_analytics" INNER JOIN "users" ON ("usage_analytics"."user_id" = "users"."id") WHERE "usage_analytics"."user_id" = '00000000000000000000000000000007'::uuid LIMIT 21;

UPDATE "usage_analytics" SET "session_id" = 's1' WHERE "usage_analytics"."id" = '8089170604f64ad98f78630bcafce7ea'::uuid;

INSERT INTO "usage_analytics" ("id", "user_id", "event_type", "event_data", "session_id", "ip_address", "user_agent", "created_at") SELECT * FROM UNNEST(('{00000000000000000000000000000014,00000000000000000000000000000015}'::uuid[])::uuid[], ('{00000000000000000000000000000007,00000000000000000000000000000007}'::uuid[])::uuid[], ('{click,click}')::varchar[], ('{NULL,NULL}')::jsonb[], ('{NULL,NULL}')::varchar[], ('{NULL,NULL}')::inet[], ('{NULL,NULL}')::text[], ('{"2026-11-29 18:41:02.352524+00:00","2026-11-29 18:41:02.352563+00:00"}'::timestamptz[])::timestamp with time zone[]);

UPDATE "usage_analytics" SET "user_agent" = "usage_analytics"."session_id" WHERE "usage_analytics"."user_id" = '00000000000000000000000000000007'::uuid;

SELECT "users"."id", "users"."email", "users"."password_hash", "users"."first_name", "users"."last_name", "users"."google_id", "users"."is_verified", "users"."verification_token", "users"."refresh_token", "users"."created_at", "users"."updated_at", COUNT("usage_analytics"."id") AS "events", MAX("usage_analytics"."created_at") AS "last" FROM "users" LEFT OUTER JOIN "usage_analytics" ON ("users"."id" = "usage_analytics"."user_id") GROUP BY "users"."id" HAVING COUNT("usage_analytics"."id") > 0;

SELECT "usage_analytics"."event_type" AS "event_type", COUNT("usage_analytics"."id") AS "number" FROM "usage_analytics" GROUP BY 1 ORDER BY 2 DESC;

SELECT "usage_analytics"."id" AS "id" FROM "usage_analytics" WHERE ("usage_analytics"."event_data" -> 'from') = '"ada@example.org"'::jsonb;

SELECT "users"."id", "users"."email", "users"."password_hash", "users"."first_name", "users"."last_name", "users"."google_id", "users"."is_verified", "users"."verification_token", "users"."refresh_token", "users"."created_at", "users"."updated_at" FROM "users" WHERE (UPPER("users"."email"::text) LIKE UPPER('%example%') AND NOT ("users"."google_id" IS NULL)) ORDER BY "users"."created_at" DESC LIMIT 5 OFFSET 5;

SELECT "users"."id", "users"."email" FROM "users" WHERE "users"."id" IN ('c11ed8a9ba3a4c97917e0600e4985488'::uuid, '00000000000000000000000000000007'::uuid);

DECLARE "_django_curs_140041574050688_sync_1" NO SCROLL CURSOR FOR SELECT "usage_analytics"."id", "usage_analytics"."user_id", "usage_analytics"."event_type", "usage_analytics"."session_id", "usage_analytics"."ip_address", "usage_analytics"."created_at" FROM "usage_analytics";

SELECT 1 AS "a" FROM "users" WHERE "users"."verification_token" = 't' LIMIT 1;

SELECT COUNT(*) AS "__count" FROM "usage_analytics" WHERE "usage_analytics"."ip_address" = '192.0.2.7'::inet;

SELECT id, email, refresh_token FROM users WHERE updated_at < now();

DELETE FROM "usage_analytics" WHERE "usage_analytics"."event_type" = 'click';

SELECT "users"."id", "users"."email", "users"."password_hash", "users"."first_name", "users"."last_name", "users"."google_id", "users"."is_verified", "users"."verification_token", "users"."refresh_token", "users"."created_at", "users"."updated_at" FROM "users" WHERE "users"."id" = 'c11ed8a9ba3a4c97917e0600e4985488'::uuid;

DELETE FROM "usage_analytics" WHERE "usage_analytics"."user_id" IN ('c11ed8a9ba3a4c97917e0600e4985488'::uuid);

DELETE FROM "users" WHERE "users"."id" IN ('c11ed8a9ba3a4c97917e0600e4985488'::uuid);
