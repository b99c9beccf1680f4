"""Runs a sweep from its configuration to its table, whoever trains it. Imports no Ray."""
