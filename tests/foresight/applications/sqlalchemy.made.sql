SET LOCAL check_function_bodies = false;
CREATE TABLE public.usage_analytics (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    event_type character varying(100) NOT NULL,
    event_data jsonb,
    session_id character varying(255),
    ip_address inet,
    user_agent text,
    created_at timestamp with time zone
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    email character varying(255) NOT NULL,
    password_hash character varying(500) NOT NULL,
    first_name character varying(100),
    last_name character varying(100),
    google_id character varying(255),
    is_verified boolean,
    verification_token character varying(500),
    refresh_token text,
    created_at timestamp with time zone,
    updated_at timestamp with time zone
);
INSERT INTO public.usage_analytics (id, user_id, event_type, event_data, session_id, ip_address, user_agent, created_at) VALUES
	('884cb6eb-824e-4a10-888d-086377888554', '916e8287-603a-4bcb-b767-85430aa8e394', 'login', '{"from": "ada@example.org"}', NULL, '192.0.2.7', NULL, '2026-11-29 18:40:42.752281+00'),
	('f2149269-5181-4535-a872-ea220c299de1', 'c11ed8a9-ba3a-4c97-917e-0600e4985488', 'login', '{"from": "gone@example.org"}', NULL, '192.0.2.7', NULL, '2026-11-29 18:40:42.752281+00');
INSERT INTO public.users (id, email, password_hash, first_name, last_name, google_id, is_verified, verification_token, refresh_token, created_at, updated_at) VALUES
	('916e8287-603a-4bcb-b767-85430aa8e394', 'ada@example.org', 'x', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:40:42.752281+00', '2026-11-29 18:40:42.752281+00'),
	('c11ed8a9-ba3a-4c97-917e-0600e4985488', 'gone@example.org', 'x', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:40:42.752281+00', '2026-11-29 18:40:42.752281+00');
ALTER TABLE ONLY public.usage_analytics
    ADD CONSTRAINT usage_analytics_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX ix_usage_analytics_user_id ON public.usage_analytics USING btree (user_id);
ALTER TABLE ONLY public.usage_analytics
    ADD CONSTRAINT usage_analytics_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
