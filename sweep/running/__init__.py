"""Runs a sweep from its configuration to its table, on any executor."""
