"""From the bytes of an image to the pixels that a vision model takes, as its own preprocessor says."""
