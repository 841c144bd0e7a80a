"""Compute the recurrent cells of the field. Each is a short file with equations and source."""
