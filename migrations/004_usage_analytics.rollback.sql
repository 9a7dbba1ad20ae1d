-- Takes the events along, those from before the migration too. Dump the table first.

DROP TABLE usage_analytics;
