"""Frames into files: containers, encoders, and what travels beside the frames."""
