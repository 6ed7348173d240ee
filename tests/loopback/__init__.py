"""Keeps every test, and each Python process that a test starts, on this machine."""
