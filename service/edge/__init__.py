"""The edge: what a connection may take, from its first byte to the last byte of its last answer."""
