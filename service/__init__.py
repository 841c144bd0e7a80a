"""The vectors of biLM over HTTP."""
