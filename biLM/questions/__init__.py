"""The questions that can be asked about a text, and how their answers are made."""
