"""Closed-form matting: of single frames, of keyframes, and carried to the frames between."""
