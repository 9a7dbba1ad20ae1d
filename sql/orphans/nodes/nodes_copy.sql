-- The orphans as they are, handed over by the nodes before they are deleted. Under the locks nobody changes them meanwhile.
-- How their cells are spelt hangs on no setting of a node's.
-- Under any other xmloption, fragments are no xml.
SET LOCAL xmloption = content;
{writes}
CREATE TEMP TABLE sqlrail_gone ON COMMIT DROP AS
{with_found}
SELECT c.* FROM {child} AS c
 WHERE {is_staged};
SET LOCAL xmloption TO DEFAULT;
{ours}
