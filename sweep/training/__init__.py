"""Engines, stop rules and the pool of lanes. Knows nothing of files, Ray or YAML."""
