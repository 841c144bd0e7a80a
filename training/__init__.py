"""Training: from raw text to an artifact that `biLM` can load."""
