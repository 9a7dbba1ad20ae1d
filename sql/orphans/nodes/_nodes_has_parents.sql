-- Whether there is any parent. Without the limit every parent would be sent.
EXISTS (SELECT 1 FROM {parent} LIMIT 1)
