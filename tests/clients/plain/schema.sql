-- What a shop asks of PostgreSQL without an ORM.
CREATE TYPE order_state AS ENUM ('new', 'paid', 'sent', 'cancelled');
CREATE DOMAIN amount AS int CHECK (VALUE > 0);

CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    city varchar(80),
    tags text[] NOT NULL DEFAULT '{}',
    settings jsonb NOT NULL DEFAULT '{}',
    joined date NOT NULL DEFAULT current_date,
    note text);
CREATE TABLE products (
    sku varchar(20) PRIMARY KEY,
    title text NOT NULL,
    price numeric(10, 2) NOT NULL,
    stock int NOT NULL DEFAULT 0,
    description text,
    weight real,
    discontinued boolean NOT NULL DEFAULT false);
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    state order_state NOT NULL DEFAULT 'new',
    placed_at timestamptz NOT NULL DEFAULT now(),
    paid_at timestamptz,
    comment text,
    total numeric(12, 2) NOT NULL DEFAULT 0);
CREATE INDEX orders_customer_idx ON orders (customer_id);
CREATE TABLE order_items (
    order_id bigint REFERENCES orders ON DELETE CASCADE,
    sku varchar(20) REFERENCES products,
    quantity amount NOT NULL,
    price numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, sku));
CREATE TABLE stock_moves (
    id bigserial PRIMARY KEY,
    sku varchar(20) NOT NULL,
    delta int NOT NULL,
    reason text,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE jobs (
    id bigserial PRIMARY KEY,
    kind text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    run_at timestamptz NOT NULL DEFAULT now(),
    attempts int NOT NULL DEFAULT 0,
    locked_by text);
CREATE TABLE daily_sales (
    day date NOT NULL,
    shop int NOT NULL DEFAULT 1,
    orders int NOT NULL,
    revenue numeric(14, 2) NOT NULL,
    CONSTRAINT daily_sales_day_shop_key UNIQUE (day, shop));
CREATE TABLE changes (
    id bigserial PRIMARY KEY,
    customer_id bigint NOT NULL,
    what text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now());

CREATE VIEW open_orders AS
SELECT o.id, o.customer_id, c.email, o.total, o.placed_at
  FROM orders AS o JOIN customers AS c ON c.id = o.customer_id
 WHERE o.state IN ('new', 'paid');
CREATE MATERIALIZED VIEW best_sellers AS
SELECT sku, sum(quantity) AS sold FROM order_items GROUP BY sku;

CREATE FUNCTION order_total(wanted bigint) RETURNS numeric LANGUAGE sql STABLE AS
$$ SELECT coalesce(sum(quantity * price), 0) FROM order_items WHERE order_id = wanted $$;
CREATE FUNCTION take_job(worker text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE taken bigint;
BEGIN
    UPDATE jobs SET locked_by = worker, attempts = attempts + 1
     WHERE id = (SELECT id FROM jobs WHERE locked_by IS NULL ORDER BY run_at FOR UPDATE SKIP LOCKED LIMIT 1)
    RETURNING id INTO taken;
    RETURN taken;
END $$;
CREATE FUNCTION move_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET stock = stock + NEW.delta WHERE sku = NEW.sku;
    RETURN NEW;
END $$;
CREATE TRIGGER move_stock AFTER INSERT ON stock_moves FOR EACH ROW EXECUTE FUNCTION move_stock();
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (customer_id, what) VALUES (NEW.id, TG_OP);
    RETURN NEW;
END $$;
CREATE TRIGGER note_change AFTER INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note_change();
CREATE PROCEDURE forget_jobs(older timestamptz) LANGUAGE sql AS
$$ DELETE FROM jobs WHERE run_at < older AND locked_by IS NOT NULL $$;
