"""Three tasks on the vectors of the service, and what each layer is worth to them."""
