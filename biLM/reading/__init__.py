"""Read texts fast, with the same bits whatever other texts are read with them."""
