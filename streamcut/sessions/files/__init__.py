"""Model files: the catalogue, where they lie, how they are fetched."""
