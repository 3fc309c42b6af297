"""Live jobs: a camera in, its pictures out, as fresh as they can be."""
