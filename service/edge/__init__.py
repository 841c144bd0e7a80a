"""The HTTP protocol of a connection, with limits on what it may take from first to last byte."""
