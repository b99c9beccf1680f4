"""Times sweep beside what else could train the same networks. Part of no installation."""
