"""Makes what people play and download from what rooms recorded."""
