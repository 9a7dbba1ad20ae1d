"""Puts archived rows back where they were."""
