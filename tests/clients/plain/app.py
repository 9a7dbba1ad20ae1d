"""python app.py STEP...: a shop with SQL by hand over psycopg: make, fill, work."""

import os
import sys
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

PAID = datetime(2026, 1, 5, tzinfo=timezone.utc)


def make(shop):
    shop.execute((Path(__file__).parent / "schema.sql").read_text())


def fill(shop):
    shop.execute("INSERT INTO customers (email, name, city) VALUES ('ada@example.org', 'Ada', 'London')")
    shop.execute("INSERT INTO customers (email, name) VALUES ('alan@example.org', 'Alan')")
    shop.execute(
        "INSERT INTO products VALUES ('tea', 'Tea', 4.50, 10), ('cup', 'Cup', 9.00, 3), ('pot', 'Pot', 30, 1)"
    )
    shop.execute("INSERT INTO orders (customer_id, total) VALUES (1, 13.50), (2, 30)")
    shop.execute("INSERT INTO order_items VALUES (1, 'tea', 1, 4.50), (1, 'cup', 1, 9), (2, 'pot', 1, 30)")
    shop.execute("INSERT INTO jobs (kind) VALUES ('mail'), ('invoice')")
    shop.execute("INSERT INTO daily_sales (day, orders, revenue) VALUES ('2026-01-01', 2, 43.50)")
    shop.execute("REFRESH MATERIALIZED VIEW best_sellers")


def register(shop, email, name):
    (number,) = shop.execute(
        "INSERT INTO customers (email, name, tags, settings) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name RETURNING id",
        (email, name, ["new", "web"], Jsonb({"theme": "dark"})),
    ).fetchone()
    shop.execute("UPDATE customers SET city = %s, note = NULL WHERE id = %s", ("Paris", number))
    return number


def order(shop, customer, items):
    (number,) = shop.execute(
        "INSERT INTO orders (customer_id, comment) VALUES (%s, %s) RETURNING id", (customer, "by mail")
    ).fetchone()
    with shop.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO order_items (order_id, sku, quantity, price)"
            " SELECT %s, p.sku, %s, p.price FROM products AS p WHERE p.sku = %s AND NOT p.discontinued",
            [(number, quantity, sku) for sku, quantity in items],
        )
    shop.execute("UPDATE orders SET total = order_total(id) WHERE id = %s", (number,))
    return number


def pay(shop, number):
    shop.execute(
        "WITH paid AS (UPDATE orders SET state = 'paid', paid_at = %s WHERE id = %s AND state = 'new'"
        " RETURNING id, customer_id)"
        " INSERT INTO jobs (kind, payload) SELECT 'invoice', jsonb_build_object('order', id, 'customer', customer_id)"
        " FROM paid",
        (PAID, number),
    )
    shop.execute(
        "INSERT INTO daily_sales (day, orders, revenue) SELECT %s, 1, total FROM orders WHERE id = %s"
        " ON CONFLICT ON CONSTRAINT daily_sales_day_shop_key"
        " DO UPDATE SET orders = daily_sales.orders + 1, revenue = daily_sales.revenue + EXCLUDED.revenue",
        (date(2026, 1, 5), number),
    )


def deliver(shop, number):
    shop.execute(
        "INSERT INTO stock_moves (sku, delta, reason)"
        " SELECT sku, -quantity, 'sold' FROM order_items WHERE order_id = %s",
        (number,),
    )
    shop.execute("SELECT id, state FROM orders WHERE id = %s FOR UPDATE", (number,))
    shop.execute("UPDATE orders SET state = %s::order_state WHERE id = %s", ("sent", number))


def reports(shop):
    shop.execute(
        "SELECT c.name, o.id, o.total, rank() OVER (PARTITION BY c.id ORDER BY o.total DESC) AS place,"
        " sum(o.total) OVER (ORDER BY o.placed_at) AS running"
        " FROM orders AS o JOIN customers AS c ON c.id = o.customer_id ORDER BY o.id"
    )
    shop.execute(
        "SELECT date_trunc('month', placed_at) AS month, count(*), avg(total) FROM orders"
        " WHERE placed_at >= %s GROUP BY 1 HAVING count(*) > %s ORDER BY 1",
        (date(2020, 1, 1), 0),
    )
    shop.execute(
        "WITH RECURSIVE days (day) AS (SELECT %s::date UNION ALL SELECT day + 1 FROM days WHERE day < %s::date)"
        " SELECT days.day, coalesce(s.revenue, 0) FROM days LEFT JOIN daily_sales AS s ON s.day = days.day",
        (date(2026, 1, 1), date(2026, 1, 7)),
    )
    shop.execute(
        "SELECT c.id, last.id, last.total FROM customers AS c LEFT JOIN LATERAL"
        " (SELECT o.id, o.total FROM orders AS o WHERE o.customer_id = c.id ORDER BY o.placed_at DESC LIMIT 1) AS last"
        " ON true WHERE c.email LIKE %s",
        ("%@example.org",),
    )
    shop.execute("SELECT sku, sold FROM best_sellers ORDER BY sold DESC LIMIT %s", (5,))
    shop.execute("SELECT * FROM open_orders WHERE customer_id = %s", (1,))
    shop.execute("SELECT email, total FROM open_orders ORDER BY placed_at")
    shop.execute("SELECT count(*) FILTER (WHERE state = 'paid'), count(*) FROM orders")
    shop.execute("SELECT state, count(*) FROM orders GROUP BY state ORDER BY state")
    shop.execute(
        "SELECT p.*, (SELECT count(*) FROM order_items AS i WHERE i.sku = p.sku) AS sold FROM products AS p"
        " WHERE p.price BETWEEN %s AND %s",
        (Decimal("1.00"), Decimal("10.00")),
    )
    shop.execute(
        "SELECT id FROM customers WHERE %s = ANY (tags) AND settings ->> 'theme' = %s", ("web", "dark")
    )
    shop.execute(
        "SELECT id FROM customers WHERE joined > %s OR city IS NOT DISTINCT FROM %s",
        (date(2020, 1, 1), "Paris"),
    )
    shop.execute(
        "SELECT c.id, c.email, count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id"
    )
    shop.execute("SELECT sku FROM products EXCEPT SELECT sku FROM order_items")
    shop.execute("SELECT title FROM products WHERE sku = ANY (%s)", (["tea", "cup"],))
    shop.execute("SELECT EXISTS (SELECT FROM jobs WHERE kind = %s AND run_at < now())", ("mail",))


def jobs(shop):
    shop.execute("SELECT take_job(%s)", ("worker 1",))
    shop.execute(
        "UPDATE jobs SET locked_by = %s, attempts = attempts + 1 WHERE id = (SELECT id FROM jobs"
        " WHERE locked_by IS NULL AND kind = %s ORDER BY run_at FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id, payload",
        ("worker 2", "invoice"),
    )
    shop.execute("DELETE FROM jobs WHERE locked_by = %s AND attempts > %s", ("worker 1", 0))
    shop.execute("CALL forget_jobs(%s)", (PAID,))


def stock(shop):
    with shop.cursor() as cursor, cursor.copy("COPY stock_moves (sku, delta, reason) FROM STDIN") as copy:
        copy.write_row(("tea", 20, "delivery"))
        copy.write_row(("cup", 5, None))
    with (
        shop.cursor() as cursor,
        cursor.copy("COPY (SELECT sku, title, stock FROM products ORDER BY sku) TO STDOUT") as copy,
    ):
        b"".join(copy)
    with shop.cursor() as cursor, cursor.copy("COPY daily_sales TO STDOUT") as copy:
        b"".join(copy)
    shop.execute(
        "MERGE INTO products AS p USING (VALUES (%s, %s, %s::numeric)) AS new (sku, title, price) ON p.sku = new.sku"
        " WHEN MATCHED THEN UPDATE SET title = new.title, price = new.price"
        " WHEN NOT MATCHED THEN INSERT (sku, title, price) VALUES (new.sku, new.title, new.price)",
        ("jug", "Jug", Decimal("12.00")),
    )
    shop.execute("UPDATE products SET discontinued = true, description = %s WHERE sku = %s", ("gone", "pot"))
    shop.execute(
        "UPDATE products AS p SET stock = p.stock - i.quantity"
        " FROM order_items AS i WHERE i.sku = p.sku AND i.order_id = %s",
        (1,),
    )
    shop.execute("REFRESH MATERIALIZED VIEW best_sellers")
    with shop.cursor(name="all_products") as cursor:
        cursor.execute("SELECT sku, weight FROM products WHERE stock > %s", (0,))
        cursor.fetchall()


def work(shop):
    customer = register(shop, "grace@example.org", "Grace")
    number = order(shop, customer, [("tea", 2), ("cup", 1)])
    pay(shop, number)
    deliver(shop, number)
    reports(shop)
    jobs(shop)
    stock(shop)
    shop.execute("DELETE FROM orders WHERE id = %s", (2,))


for step in sys.argv[1:]:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        {"make": make, "fill": fill, "work": work}[step](connection)
