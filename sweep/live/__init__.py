"""Sweeps under way, seen from outside: what is new is read, nothing is written."""
