"""Lines to devices: how bytes travel (RS-232, TCP, UDP), where a message ends, and one question at a time."""
