"""Closed-form matting: of single pictures, of keyframes, and carried to the frames between."""
