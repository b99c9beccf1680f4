"""Studies of particular questions: sections of reports that register themselves."""
