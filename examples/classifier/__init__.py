"""A text classifier on the vectors of the service, which it knows over HTTP only."""
