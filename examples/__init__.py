"""Programs that use the service as any client would: over HTTP only."""
