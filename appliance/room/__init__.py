"""What stands in the room beside its sources: panels and cameras that turn. Nothing here is on the recording path."""
