"""What a frame is: its planes, colours and timestamps, and how streams are read."""
