"""Sessions that need no model: a coloured screen, an empty room."""
