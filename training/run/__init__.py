"""One training run: its recipe, its loop, and what it keeps."""
