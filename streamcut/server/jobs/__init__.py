"""Videos that are worked on: what is known of each, where its files lie, and who does the work."""
