"""Lamps that say what the room does."""
