"""Results as text for people, a module a verb. Nothing here prints."""
