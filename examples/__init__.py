"""Programs that use the service the way any client would: over HTTP only."""
