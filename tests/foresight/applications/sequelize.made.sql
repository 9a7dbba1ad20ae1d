SET LOCAL check_function_bodies = false;
CREATE TABLE public.analytics_reports (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    report_type character varying(100) NOT NULL,
    report_data jsonb,
    period_start date,
    period_end date,
    created_at timestamp with time zone
);
CREATE TABLE public.onboarding_answers (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    question character varying(255) NOT NULL,
    answer jsonb,
    created_at timestamp with time zone
);
CREATE TABLE public.onboarding_steps (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    step_name character varying(100) NOT NULL,
    is_completed boolean DEFAULT false,
    completed_at timestamp with time zone,
    updated_at timestamp with time zone,
    created_at timestamp with time zone
);
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash character varying(255) NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone
);
CREATE TABLE public.subscriptions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    plan character varying(50) NOT NULL,
    status character varying(50) NOT NULL,
    cancel_at_period_end boolean DEFAULT false,
    current_period_end timestamp with time zone,
    updated_at timestamp with time zone,
    created_at timestamp with time zone
);
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
CREATE TABLE public.user_behaviors (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    behavior_type character varying(100) NOT NULL,
    behavior_data jsonb,
    created_at timestamp with time zone
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    email character varying(255) NOT NULL,
    password_hash character varying(500) NOT NULL,
    first_name character varying(100),
    last_name character varying(100),
    google_id character varying(255),
    is_verified boolean DEFAULT false,
    verification_token character varying(500),
    refresh_token text,
    updated_at timestamp with time zone,
    created_at timestamp with time zone
);
INSERT INTO public.usage_analytics (id, user_id, event_type, event_data, session_id, ip_address, user_agent, created_at) VALUES
	('54fe4d8b-2363-489a-80b5-7f4681e9afbb', 'c4b8d0f0-1df9-4450-b396-8831964a4bed', 'login', '{"from": "ada@example.org"}', NULL, '192.0.2.7', NULL, '2026-11-29 18:40:27.736+00'),
	('0eba69da-ca04-4c76-97d2-f7a04d285925', 'c11ed8a9-ba3a-4c97-917e-0600e4985488', 'login', '{"from": "gone@example.org"}', NULL, '192.0.2.7', NULL, '2026-11-29 18:40:27.759+00');
INSERT INTO public.users (id, email, password_hash, first_name, last_name, google_id, is_verified, verification_token, refresh_token, updated_at, created_at) VALUES
	('c4b8d0f0-1df9-4450-b396-8831964a4bed', 'ada@example.org', 'x', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:40:27.624+00', '2026-11-29 18:40:27.624+00'),
	('c11ed8a9-ba3a-4c97-917e-0600e4985488', 'gone@example.org', 'x', NULL, NULL, NULL, false, NULL, NULL, '2026-11-29 18:40:27.749+00', '2026-11-29 18:40:27.749+00');
ALTER TABLE ONLY public.analytics_reports
    ADD CONSTRAINT analytics_reports_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.onboarding_answers
    ADD CONSTRAINT onboarding_answers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.onboarding_steps
    ADD CONSTRAINT onboarding_steps_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.usage_analytics
    ADD CONSTRAINT usage_analytics_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.user_behaviors
    ADD CONSTRAINT user_behaviors_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX analytics_reports_user_id ON public.analytics_reports USING btree (user_id);
CREATE INDEX onboarding_answers_user_id ON public.onboarding_answers USING btree (user_id);
CREATE INDEX onboarding_steps_user_id ON public.onboarding_steps USING btree (user_id);
CREATE INDEX sessions_user_id ON public.sessions USING btree (user_id);
CREATE INDEX subscriptions_user_id ON public.subscriptions USING btree (user_id);
CREATE INDEX usage_analytics_created_at ON public.usage_analytics USING btree (created_at);
CREATE INDEX usage_analytics_event_type ON public.usage_analytics USING btree (event_type);
CREATE INDEX usage_analytics_session_id ON public.usage_analytics USING btree (session_id);
CREATE INDEX usage_analytics_user_id ON public.usage_analytics USING btree (user_id);
CREATE INDEX user_behaviors_user_id ON public.user_behaviors USING btree (user_id);
ALTER TABLE ONLY public.analytics_reports
    ADD CONSTRAINT analytics_reports_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.onboarding_answers
    ADD CONSTRAINT onboarding_answers_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.onboarding_steps
    ADD CONSTRAINT onboarding_steps_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.subscriptions
    ADD CONSTRAINT subscriptions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.usage_analytics
    ADD CONSTRAINT usage_analytics_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY public.user_behaviors
    ADD CONSTRAINT user_behaviors_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;
