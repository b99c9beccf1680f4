"""Networks and what trains them. Knows nothing of lanes' stop rules, files or Ray."""
