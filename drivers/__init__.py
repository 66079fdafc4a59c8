"""Drivers talk to hardware and know nothing of lessons."""
