"""Compares sweeps with each other: what differs in them, and what came of it."""
