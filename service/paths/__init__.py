"""List the paths of the service. Each is a file, from the request model to the response body."""

from . import complete, embed, fill, info, inspect, models, openai, similarity, tokenize

# The documentation has the paths in this order.
PATHS = (embed, openai, models, similarity, fill, complete, inspect, tokenize, info)
ROUTES = [route for path in PATHS for route in path.router.routes]
