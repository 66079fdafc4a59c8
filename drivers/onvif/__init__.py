"""ONVIF: what its cameras have in common, whether they are looked at or turned."""
