"""What this machine has, how fast it is, and how good a matte is."""
