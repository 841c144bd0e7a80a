"""Turn a finished run into a scored artifact, and show what is in it."""
