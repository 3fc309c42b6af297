"""Live jobs: a camera in, its frames out, as fresh as they can be."""
