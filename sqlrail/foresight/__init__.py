"""What the live rows mean for pending files: counts, trials, losses."""
