SET LOCAL check_function_bodies = false;
CREATE DOMAIN public.amount AS integer
	CONSTRAINT amount_check CHECK ((VALUE > 0));
CREATE TYPE public.order_state AS ENUM (
    'new',
    'paid',
    'sent',
    'cancelled'
);
CREATE PROCEDURE public.forget_jobs(IN older timestamp with time zone)
    LANGUAGE sql
    AS $$ DELETE FROM jobs WHERE run_at < older AND locked_by IS NOT NULL $$;
CREATE FUNCTION public.move_stock() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE products SET stock = stock + NEW.delta WHERE sku = NEW.sku;
    RETURN NEW;
END $$;
CREATE FUNCTION public.note_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO changes (customer_id, what) VALUES (NEW.id, TG_OP);
    RETURN NEW;
END $$;
CREATE FUNCTION public.order_total(wanted bigint) RETURNS numeric
    LANGUAGE sql STABLE
    AS $$ SELECT coalesce(sum(quantity * price), 0) FROM order_items WHERE order_id = wanted $$;
CREATE FUNCTION public.take_job(worker text) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE taken bigint;
BEGIN
    UPDATE jobs SET locked_by = worker, attempts = attempts + 1
     WHERE id = (SELECT id FROM jobs WHERE locked_by IS NULL ORDER BY run_at FOR UPDATE SKIP LOCKED LIMIT 1)
    RETURNING id INTO taken;
    RETURN taken;
END $$;
CREATE TABLE public.order_items (
    order_id bigint NOT NULL,
    sku character varying(20) NOT NULL,
    quantity public.amount NOT NULL,
    price numeric(10,2) NOT NULL
);
CREATE MATERIALIZED VIEW public.best_sellers AS
 SELECT order_items.sku,
    sum((order_items.quantity)::integer) AS sold
   FROM public.order_items
  GROUP BY order_items.sku
  WITH NO DATA;
CREATE TABLE public.changes (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    what text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE SEQUENCE public.changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.changes_id_seq OWNED BY public.changes.id;
CREATE TABLE public.customers (
    id bigint NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    city character varying(80),
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    joined date DEFAULT CURRENT_DATE NOT NULL,
    note text
);
ALTER TABLE public.customers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.customers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.daily_sales (
    day date NOT NULL,
    shop integer DEFAULT 1 NOT NULL,
    orders integer NOT NULL,
    revenue numeric(14,2) NOT NULL
);
CREATE TABLE public.jobs (
    id bigint NOT NULL,
    kind text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    run_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    locked_by text
);
CREATE SEQUENCE public.jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.jobs_id_seq OWNED BY public.jobs.id;
CREATE TABLE public.orders (
    id bigint NOT NULL,
    customer_id bigint NOT NULL,
    state public.order_state DEFAULT 'new'::public.order_state NOT NULL,
    placed_at timestamp with time zone DEFAULT now() NOT NULL,
    paid_at timestamp with time zone,
    comment text,
    total numeric(12,2) DEFAULT 0 NOT NULL
);
CREATE VIEW public.open_orders AS
 SELECT o.id,
    o.customer_id,
    c.email,
    o.total,
    o.placed_at
   FROM (public.orders o
     JOIN public.customers c ON ((c.id = o.customer_id)))
  WHERE (o.state = ANY (ARRAY['new'::public.order_state, 'paid'::public.order_state]));
CREATE SEQUENCE public.orders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.orders_id_seq OWNED BY public.orders.id;
CREATE TABLE public.products (
    sku character varying(20) NOT NULL,
    title text NOT NULL,
    price numeric(10,2) NOT NULL,
    stock integer DEFAULT 0 NOT NULL,
    description text,
    weight real,
    discontinued boolean DEFAULT false NOT NULL
);
CREATE TABLE public.stock_moves (
    id bigint NOT NULL,
    sku character varying(20) NOT NULL,
    delta integer NOT NULL,
    reason text,
    moved_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE SEQUENCE public.stock_moves_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.stock_moves_id_seq OWNED BY public.stock_moves.id;
ALTER TABLE ONLY public.changes ALTER COLUMN id SET DEFAULT nextval('public.changes_id_seq'::regclass);
ALTER TABLE ONLY public.jobs ALTER COLUMN id SET DEFAULT nextval('public.jobs_id_seq'::regclass);
ALTER TABLE ONLY public.orders ALTER COLUMN id SET DEFAULT nextval('public.orders_id_seq'::regclass);
ALTER TABLE ONLY public.stock_moves ALTER COLUMN id SET DEFAULT nextval('public.stock_moves_id_seq'::regclass);
INSERT INTO public.changes (id, customer_id, what, changed_at) VALUES
	(1, 1, 'INSERT', '2026-11-29 18:54:02.41105+00'),
	(2, 2, 'INSERT', '2026-11-29 18:54:02.41105+00');
INSERT INTO public.customers (id, email, name, city, tags, settings, joined, note) OVERRIDING SYSTEM VALUE VALUES
	(1, 'ada@example.org', 'Ada', 'London', '{}', '{}', '2026-11-29', NULL),
	(2, 'alan@example.org', 'Alan', NULL, '{}', '{}', '2026-11-29', NULL);
INSERT INTO public.daily_sales (day, shop, orders, revenue) VALUES
	('2026-01-01', 1, 2, 43.50);
INSERT INTO public.jobs (id, kind, payload, run_at, attempts, locked_by) VALUES
	(1, 'mail', '{}', '2026-11-29 18:54:02.41105+00', 0, NULL),
	(2, 'invoice', '{}', '2026-11-29 18:54:02.41105+00', 0, NULL);
INSERT INTO public.order_items (order_id, sku, quantity, price) VALUES
	(1, 'tea', 1, 4.50),
	(1, 'cup', 1, 9.00),
	(2, 'pot', 1, 30.00);
INSERT INTO public.orders (id, customer_id, state, placed_at, paid_at, comment, total) VALUES
	(1, 1, 'new', '2026-11-29 18:54:02.41105+00', NULL, NULL, 13.50),
	(2, 2, 'new', '2026-11-29 18:54:02.41105+00', NULL, NULL, 30.00);
INSERT INTO public.products (sku, title, price, stock, description, weight, discontinued) VALUES
	('tea', 'Tea', 4.50, 10, NULL, NULL, false),
	('cup', 'Cup', 9.00, 3, NULL, NULL, false),
	('pot', 'Pot', 30.00, 1, NULL, NULL, false);
SELECT pg_catalog.setval('public.changes_id_seq', 2, true);
SELECT pg_catalog.setval('public.customers_id_seq', 2, true);
SELECT pg_catalog.setval('public.jobs_id_seq', 2, true);
SELECT pg_catalog.setval('public.orders_id_seq', 2, true);
SELECT pg_catalog.setval('public.stock_moves_id_seq', 1, false);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_email_key UNIQUE (email);
ALTER TABLE ONLY public.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.daily_sales
    ADD CONSTRAINT daily_sales_day_shop_key UNIQUE (day, shop);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_pkey PRIMARY KEY (order_id, sku);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (sku);
ALTER TABLE ONLY public.stock_moves
    ADD CONSTRAINT stock_moves_pkey PRIMARY KEY (id);
CREATE INDEX orders_customer_idx ON public.orders USING btree (customer_id);
CREATE TRIGGER move_stock AFTER INSERT ON public.stock_moves FOR EACH ROW EXECUTE FUNCTION public.move_stock();
CREATE TRIGGER note_change AFTER INSERT OR UPDATE ON public.customers FOR EACH ROW EXECUTE FUNCTION public.note_change();
ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_sku_fkey FOREIGN KEY (sku) REFERENCES public.products(sku);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id);
REFRESH MATERIALIZED VIEW public.best_sellers;
