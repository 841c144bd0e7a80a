"""Programs that measure the project, and the dated results of their measurements."""
