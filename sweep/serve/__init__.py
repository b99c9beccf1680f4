"""Web pages of sweeps under way, and of those that are over."""
