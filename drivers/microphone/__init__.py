"""Microphones: one driver, one file."""
