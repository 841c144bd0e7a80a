"""Three tasks on the vectors of the service, which measure what each layer is worth to them."""
