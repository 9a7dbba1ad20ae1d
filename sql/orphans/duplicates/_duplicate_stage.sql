-- A part of that statement.
{named} AS MATERIALIZED (
{query})
