-- $1 = 'grace@example.org', $2 = 'Grace', $3 = '{new,web}', $4 = '{"theme": "dark"}'
INSERT INTO customers (email, name, tags, settings) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name RETURNING id;

-- $1 = 'Paris', $2 = '3'
UPDATE customers SET city = $1, note = NULL WHERE id = $2;

-- $1 = '3', $2 = 'by mail'
INSERT INTO orders (customer_id, comment) VALUES ($1, $2) RETURNING id;

-- $1 = '3', $2 = '2', $3 = 'tea'
INSERT INTO order_items (order_id, sku, quantity, price) SELECT $1, p.sku, $2, p.price FROM products AS p WHERE p.sku = $3 AND NOT p.discontinued;

-- $1 = '3', $2 = '1', $3 = 'cup'
INSERT INTO order_items (order_id, sku, quantity, price) SELECT $1, p.sku, $2, p.price FROM products AS p WHERE p.sku = $3 AND NOT p.discontinued;

-- $1 = '3'
UPDATE orders SET total = order_total(id) WHERE id = $1;

-- $1 = '2026-01-05 00:00:00+00', $2 = '3'
WITH paid AS (UPDATE orders SET state = 'paid', paid_at = $1 WHERE id = $2 AND state = 'new' RETURNING id, customer_id) INSERT INTO jobs (kind, payload) SELECT 'invoice', jsonb_build_object('order', id, 'customer', customer_id) FROM paid;

-- $1 = '2026-01-05', $2 = '3'
INSERT INTO daily_sales (day, orders, revenue) SELECT $1, 1, total FROM orders WHERE id = $2 ON CONFLICT ON CONSTRAINT daily_sales_day_shop_key DO UPDATE SET orders = daily_sales.orders + 1, revenue = daily_sales.revenue + EXCLUDED.revenue;

-- $1 = '3'
INSERT INTO stock_moves (sku, delta, reason) SELECT sku, -quantity, 'sold' FROM order_items WHERE order_id = $1;

-- $1 = '3'
SELECT id, state FROM orders WHERE id = $1 FOR UPDATE;

-- $1 = 'sent', $2 = '3'
UPDATE orders SET state = $1::order_state WHERE id = $2;

SELECT c.name, o.id, o.total, rank() OVER (PARTITION BY c.id ORDER BY o.total DESC) AS place, sum(o.total) OVER (ORDER BY o.placed_at) AS running FROM orders AS o JOIN customers AS c ON c.id = o.customer_id ORDER BY o.id;

-- $1 = '2020-01-01', $2 = '0'
SELECT date_trunc('month', placed_at) AS month, count(*), avg(total) FROM orders WHERE placed_at >= $1 GROUP BY 1 HAVING count(*) > $2 ORDER BY 1;

-- $1 = '2026-01-01', $2 = '2026-01-07'
WITH RECURSIVE days (day) AS (SELECT $1::date UNION ALL SELECT day + 1 FROM days WHERE day < $2::date) SELECT days.day, coalesce(s.revenue, 0) FROM days LEFT JOIN daily_sales AS s ON s.day = days.day;

-- $1 = '%@example.org'
SELECT c.id, last.id, last.total FROM customers AS c LEFT JOIN LATERAL (SELECT o.id, o.total FROM orders AS o WHERE o.customer_id = c.id ORDER BY o.placed_at DESC LIMIT 1) AS last ON true WHERE c.email LIKE $1;

-- $1 = '5'
SELECT sku, sold FROM best_sellers ORDER BY sold DESC LIMIT $1;

-- $1 = '1'
SELECT * FROM open_orders WHERE customer_id = $1;

SELECT email, total FROM open_orders ORDER BY placed_at;

SELECT count(*) FILTER (WHERE state = 'paid'), count(*) FROM orders;

SELECT state, count(*) FROM orders GROUP BY state ORDER BY state;

-- $1 = '1.00', $2 = '10.00'
SELECT p.*, (SELECT count(*) FROM order_items AS i WHERE i.sku = p.sku) AS sold FROM products AS p WHERE p.price BETWEEN $1 AND $2;

-- $1 = 'web', $2 = 'dark'
SELECT id FROM customers WHERE $1 = ANY (tags) AND settings ->> 'theme' = $2;

-- $1 = '2020-01-01', $2 = 'Paris'
SELECT id FROM customers WHERE joined > $1 OR city IS NOT DISTINCT FROM $2;

SELECT c.id, c.email, count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id;

SELECT sku FROM products EXCEPT SELECT sku FROM order_items;

-- $1 = '{tea,cup}'
SELECT title FROM products WHERE sku = ANY ($1);

-- $1 = 'mail'
SELECT EXISTS (SELECT FROM jobs WHERE kind = $1 AND run_at < now());

-- $1 = 'worker 1'
SELECT take_job($1);

-- $1 = 'worker 2', $2 = 'invoice'
UPDATE jobs SET locked_by = $1, attempts = attempts + 1 WHERE id = (SELECT id FROM jobs WHERE locked_by IS NULL AND kind = $2 ORDER BY run_at FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id, payload;

-- $1 = 'worker 1', $2 = '0'
DELETE FROM jobs WHERE locked_by = $1 AND attempts > $2;

-- $1 = '2026-01-05 00:00:00+00'
CALL forget_jobs($1);

-- lines "tea\t20\tdelivery\ncup\t5\t\\N\n"
COPY stock_moves (sku, delta, reason) FROM STDIN;

COPY (SELECT sku, title, stock FROM products ORDER BY sku) TO STDOUT;

COPY daily_sales TO STDOUT;

-- $1 = 'jug', $2 = 'Jug', $3 = '12.00'
MERGE INTO products AS p USING (VALUES ($1, $2, $3::numeric)) AS new (sku, title, price) ON p.sku = new.sku WHEN MATCHED THEN UPDATE SET title = new.title, price = new.price WHEN NOT MATCHED THEN INSERT (sku, title, price) VALUES (new.sku, new.title, new.price);

-- $1 = 'gone', $2 = 'pot'
UPDATE products SET discontinued = true, description = $1 WHERE sku = $2;

-- $1 = '1'
UPDATE products AS p SET stock = p.stock - i.quantity FROM order_items AS i WHERE i.sku = p.sku AND i.order_id = $1;

REFRESH MATERIALIZED VIEW best_sellers;

-- $1 = '0'
DECLARE "all_products" CURSOR FOR SELECT sku, weight FROM products WHERE stock > $1;

-- $1 = '2'
DELETE FROM orders WHERE id = $1;
