-- The same where child and parent lie on different nodes.
{recover}
{writes}
CREATE {staging} AS
WITH {child_key}, {lost}
SELECT * FROM lost;
{ours}
