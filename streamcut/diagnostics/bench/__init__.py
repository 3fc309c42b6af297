"""Measures this machine: jobs from file to file, and live ones."""
