"""streamcut: a streaming background remover."""
