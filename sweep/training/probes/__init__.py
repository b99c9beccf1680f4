"""Measurements of networks while they train."""
