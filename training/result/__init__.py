"""From a finished run to a scored artifact, and what can be seen in it."""
