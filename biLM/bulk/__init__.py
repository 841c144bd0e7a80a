"""Bulk runs: whole corpora become files of vectors, on one machine or on many."""
