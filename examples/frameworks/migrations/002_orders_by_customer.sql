-- A customer's page lists their orders. The index is built while orders are taken, and so outside a transaction.
-- depends: 001_orders
-- transactional: false

CREATE INDEX CONCURRENTLY orders_customer_id_idx ON orders (customer_id);
