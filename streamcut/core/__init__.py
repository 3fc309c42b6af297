"""What everything stands on: errors, settings, threads, Ctrl-C, the cache, the processors."""
