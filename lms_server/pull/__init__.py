"""lms-pull: an admin's laptop fetches recordings from the central server. Speaks only the server's HTTP API."""
