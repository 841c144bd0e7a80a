"""The network: its sizes, layers and heads, and what is made of their outputs."""
