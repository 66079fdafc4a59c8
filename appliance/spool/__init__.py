"""The spool: every byte of every lesson on the room's disk, and the only bridge between recorder and sync."""
