"""Frames to who watches live: virtual cameras, OBS, addresses, pipes."""
