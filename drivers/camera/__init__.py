"""Cameras and screens: one driver, one file."""
