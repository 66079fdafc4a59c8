"""Panels and projectors."""
