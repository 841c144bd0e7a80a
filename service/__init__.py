"""The HTTP service that serves a biLM."""
