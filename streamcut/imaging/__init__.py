"""Image analysis: motion, scene cuts, chroma, resizing, tiles."""
