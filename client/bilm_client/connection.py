"""Holds what both clients need to reach the service: address, key, proxy and certificates."""

import os
import ssl
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from bilm_client.bounds import at_least_one, seconds
from bilm_client.causes import cause_of
from bilm_client.errors import InputError, NoServiceError
from bilm_client.keys import MASK, Address, Key, checked_address, key_of
from bilm_client.proxies import Proxy, proxy_for

IN_FLIGHT = 4
# This is twice the default deadline of the service, which therefore answers or refuses first.
TIMEOUT_S = 60.0
# The service may close an idle connection just as it is used again; the request is then resent.
DROPPED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
FAILED = (httpx.HTTPError,)


@dataclass(frozen=True)
class Connection:
    """Determines where and how a client sends its requests.

    Args:
        address: The address as the caller gave it, perhaps with a user name and a password.
        url: The address without them.
        key: The API key.
        proxy: The proxy that requests go through.
        in_flight: How many requests one call may have in flight at the same time.
        timeout_s: Seconds to wait for the next byte.
        certificates: The trusted certificates; None if neither service nor proxy uses TLS.
    """

    address: Address
    url: httpx.URL
    key: Key | None
    proxy: Proxy | None
    in_flight: int
    timeout_s: float
    certificates: ssl.SSLContext | None
    _user: tuple[str, str] | None = field(repr=False)

    @classmethod
    def of(
        cls,
        url: str,
        api_key: str | None,
        api_key_variable: str | None,
        proxy: str | bool,
        in_flight: int,
        timeout_s: float,
    ) -> Self:
        """Check the arguments of a client and return its connection.

        Raises:
            InputError: an argument is out of its range, the address cannot be one, or the trusted
                certificates cannot be read; no message contains a key or a password.
        """
        parsed, key = checked_address(url), key_of(api_key, api_key_variable)
        in_flight = at_least_one(in_flight, "in_flight")
        timeout_s = seconds(timeout_s, "timeout_s")
        user = (parsed.username, parsed.password) if parsed.userinfo else None
        if user and key:
            raise InputError(
                f"the address {Address.of(url)!r} has a user name or a password, and a key is given"
                " too; there is one header for both, so give one of them"
            )
        bare = parsed.copy_with(username=None, password=None) if user else parsed
        through = proxy_for(bare, proxy)
        # Loading certificates takes longer than a request, so it is done for TLS only.
        schemes = (bare.scheme, through.address.partition("://")[0] if through else "")
        certificates = _certificates() if "https" in schemes else None
        return cls(Address.of(url), bare, key, through, in_flight, timeout_s, certificates, user)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments for httpx's clients."""
        # Each call has its own bound, so that no call waits for the connection of another.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self.in_flight)
        return {
            "base_url": self.url,
            "headers": {"Authorization": f"Bearer {str.__str__(self.key)}"} if self.key else {},
            "auth": self._user,
            "timeout": self.timeout_s,
            "limits": limits,
            "verify": self.certificates or False,
            "proxy": self.proxy.address if self.proxy else None,
            "trust_env": False,  # `proxy` already follows the environment
        }

    def lost(self, request: httpx.Request, error: Exception) -> NoServiceError:
        """Return the error to raise for a request that failed without a response."""
        cause = cause_of(error, request.url, self.proxy, self.timeout_s)
        return NoServiceError(
            f"{request.method} {request.url}: {cause.found}; {cause.remedy}", cause.is_transient
        )


def _certificates() -> ssl.SSLContext:
    """Return the trusted certificates: of SSL_CERT_FILE, else of SSL_CERT_DIR, else of certifi.

    Raises:
        InputError: they cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is a subclass
        path = os.environ.get("SSL_CERT_FILE")
        # What has several lines is no name of a file but its content, perhaps with a private key.
        shown = repr(MASK if path and "\n" in path else path)
        raise InputError(
            f"the trusted certificates cannot be read (SSL_CERT_FILE is {shown}): {error}; name a"
            " file of certificates in PEM, or unset the variable"
        ) from error
