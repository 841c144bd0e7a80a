"""The paths of the service, each a file from the request model to the bytes of the answer."""

from . import complete, embed, fill, info, inspect, openai, similarity, tokenize

# In the order of the documentation.
PATHS = (embed, openai, similarity, fill, complete, inspect, tokenize, info)
ROUTES = [route for path in PATHS for route in path.router.routes]
