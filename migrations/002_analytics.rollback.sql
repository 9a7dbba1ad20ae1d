-- Nothing else reads these tables. What they hold cannot be computed again, so dump them first.

DROP TABLE analytics_reports;
DROP TABLE user_behaviors;
