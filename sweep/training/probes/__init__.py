"""What is looked at in networks while they train."""
