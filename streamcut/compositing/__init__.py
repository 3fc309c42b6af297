"""From a matte to the picture that is shown: foreground, background, spill, light wrap."""
