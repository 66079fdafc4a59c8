"""Buttons, switches, clickers and sensors: what people do in the room without touching the panel."""
