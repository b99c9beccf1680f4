"""Checks what rows say by training their trials again."""
