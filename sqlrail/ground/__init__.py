"""What everything stands on: settings, names, words."""
