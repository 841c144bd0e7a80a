"""Find the proxy that requests to an address go through."""

import importlib.util
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.request import getproxies

import httpx

from bilm_client.errors import InputError
from bilm_client.keys import MASK, is_address, readable, without_user

KINDS = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True)
class Proxy:
    """A proxy, and where its address was found.

    Args:
        address: Its address, which may hold a password.
        source: The environment variable, or `the argument proxy`.
        is_shown: Whether a message shows the address. Without a scheme it may be a key that was
            given in its place; see `is_address`.
    """

    address: str
    source: str
    is_shown: bool = field(default=True, compare=False)

    def __str__(self) -> str:
        if not self.is_shown:
            return f"the proxy (not shown: without http:// it may be a key) of {self.source}"
        return f"the proxy {without_user(self.address)} of {self.source}"

    def __repr__(self) -> str:
        shown = without_user(self.address) if self.is_shown else MASK
        return f"Proxy({shown!r}, {self.source!r})"


def proxy_for(url: httpx.URL, given: str | bool) -> Proxy | None:
    """Return the proxy for an address, or None for a direct connection.

    Args:
        url: The address of the service.
        given: Address of a proxy; True for the one of the environment, which is not used for the
            loopback nor for what NO_PROXY names; False for none.

    Raises:
        InputError: the proxy is of an unknown kind, or its address cannot be one.
        ImportError: it is a SOCKS proxy, and what httpx needs for one is not installed.
    """
    if not isinstance(given, str | bool):
        raise InputError(
            f"proxy is of type {type(given).__name__}; give the address of one, True or False"
        )
    if isinstance(given, str):
        return _checked(Proxy(given.strip(), "the argument proxy"))
    if not given or is_loopback(url.host):
        return None
    found = getproxies()
    if "no" in found and is_exempt(url, found["no"]):
        return None
    for scheme in (url.scheme, "all"):
        if found.get(scheme, "").strip():
            return _checked(Proxy(found[scheme].strip(), f"{scheme.upper()}_PROXY"))
    return None


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or number."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    number = _number(name)
    return number is not None and (number.is_loopback or number.is_unspecified)


def is_exempt(url: httpx.URL, no_proxy: str) -> bool:
    """Return whether an address is one that NO_PROXY lists.

    An entry is `*`, a host, a domain (with or without a dot before it), a number, or a network such
    as `10.0.0.0/8`; a port may follow a host.
    """
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    host = url.host.rstrip(".").lower()
    entries = (entry.strip().lower() for entry in no_proxy.replace(" ", ",").split(","))
    return any(_names(entry, host, port) for entry in entries if entry)


def _names(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    number = _number(host)
    if number is not None:
        try:
            return number in ipaddress.ip_network(entry.strip("[]"), strict=False)
        except ValueError:  # a name, or a number with a port
            pass
    name, colon, last = entry.rpartition(":")
    if colon and last.isdecimal() and (":" not in name or name.startswith("[")):
        if int(last) != port:
            return False
        entry = name
    if "://" in entry:
        entry = entry.partition("://")[2]
    entry = entry.strip("[]").removeprefix("*").lstrip(".").rstrip(".")
    return host == entry or (number is None and host.endswith("." + entry))


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _checked(proxy: Proxy) -> Proxy:
    if not proxy.address:
        raise InputError(
            f"the proxy of {proxy.source} is empty; give its address, or proxy=False for a direct"
            " connection"
        )
    # What precedes "://" may be a user name with a password instead of a kind.
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", proxy.address)
    kind = scheme[1].lower() if scheme else "http"
    if not scheme:
        is_shown = is_address(proxy.address)
        proxy = Proxy(f"http://{proxy.address}", proxy.source, is_shown)
    elif kind == "socks":
        proxy = Proxy(f"socks5{proxy.address[len(kind) :]}", proxy.source)
        kind = "socks5"
    if kind not in KINDS:
        raise InputError(
            f"{proxy} is of the kind {kind}; the kinds are {', '.join(KINDS)}. Correct it, or give"
            " proxy=False for a direct connection"
        )
    httpx.Proxy(readable(proxy.address, str(proxy)))
    if kind.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ImportError(
            f"{proxy} needs pip install 'httpx[socks]'; install it, name the service in NO_PROXY,"
            " or give proxy=False for a direct connection"
        )
    return proxy
