"""Whole corpora to files of vectors, on one machine or on many."""
