"""From settings to a finished run: the chain of stages, file jobs and live ones."""
