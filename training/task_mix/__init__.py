"""A mix of layers that is learned for a task from its labelled texts."""
