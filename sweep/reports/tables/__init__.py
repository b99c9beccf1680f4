"""Tables and pages as text."""
