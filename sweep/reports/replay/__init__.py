"""Replays of schedulers and stop rules on stored curves."""
