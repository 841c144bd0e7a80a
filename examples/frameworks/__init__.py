"""biLM inside other frameworks, one file for each; these examples use the library, not HTTP."""
