-- None of the rows that were set may still violate the constraint.
{writes}
SELECT set_config('sqlrail.still', ({still_violating})::text, true), set_config('sqlrail.unmended', {unmended}, true);
{ours}
DO $guard$
BEGIN
{unmended_rows}
END
$guard$;
