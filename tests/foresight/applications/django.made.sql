SET LOCAL check_function_bodies = false;
CREATE TABLE public.usage_analytics (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    event_type character varying(100) NOT NULL,
    event_data jsonb,
    session_id character varying(255),
    ip_address inet,
    user_agent text,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    email character varying(255) NOT NULL,
    password_hash character varying(500) NOT NULL,
    first_name character varying(100),
    last_name character varying(100),
    google_id character varying(255),
    is_verified boolean NOT NULL,
    verification_token character varying(500),
    refresh_token text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
INSERT INTO public.usage_analytics (id, user_id, event_type, event_data, session_id, ip_address, user_agent, created_at) VALUES
	('829e35ed-f0e2-4102-9856-fb9b9dcf6f15', 'ec21d902-2548-4b2f-8087-238454b120aa', 'login', '{"from": "ada@example.org"}', NULL, '192.0.2.7', NULL, '2026-11-29 18:40:59.379917+00'),
	('d3735758-b6c8-42f4-bfa1-fc6cc0a23d6e', 'c11ed8a9-ba3a-4c97-917e-0600e4985488', 'login', '{"from": "gone@example.org"}', NULL, '192.0.2.7', NULL, '2026-11-29 18:40:59.387242+00');
INSERT INTO public.users (id, email, password_hash, first_name, last_name, google_id, is_verified, verification_token, refresh_token, created_at, updated_at) VALUES
	('ec21d902-2548-4b2f-8087-238454b120aa', 'ada@example.org', 'x', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:40:59.372034+00', '2026-11-29 18:40:59.372078+00'),
	('c11ed8a9-ba3a-4c97-917e-0600e4985488', 'gone@example.org', 'x', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:40:59.385097+00', '2026-11-29 18:40:59.385143+00');
ALTER TABLE ONLY public.usage_analytics
    ADD CONSTRAINT usage_analytics_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX usage_analytics_user_id_4bfeb78d ON public.usage_analytics USING btree (user_id);
CREATE INDEX users_email_0ea73cca_like ON public.users USING btree (email varchar_pattern_ops);
ALTER TABLE ONLY public.usage_analytics
    ADD CONSTRAINT usage_analytics_user_id_4bfeb78d_fk_users_id FOREIGN KEY (user_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;
