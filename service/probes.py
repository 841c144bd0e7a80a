"""The paths of probes: served without a key, under any host, and if there are many connections."""

# /health is what inference servers call /readyz.
PROBES = frozenset({"/health", "/livez", "/readyz"})
