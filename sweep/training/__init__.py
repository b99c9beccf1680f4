"""Trains packs of trials; nothing here reads YAML, writes files or uses Ray."""
