"""Connections, messages and their answers, waits, and what errors mean."""
