"""From a matte to the frame that is shown: foreground, background, spill, light wrap."""
