"""Picture analysis: motion, scene cuts, chroma, resizing, tiles."""
