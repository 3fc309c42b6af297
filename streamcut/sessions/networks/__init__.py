"""Model families: a module an architecture."""
