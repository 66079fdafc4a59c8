"""Foreign software as test peers: real servers and devices that are not ours, started and stopped by the tests."""
