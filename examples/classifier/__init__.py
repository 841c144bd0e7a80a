"""A text classifier on the vectors of the service, which it uses over HTTP only."""
