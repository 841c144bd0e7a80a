"""Say why a request has failed without a response, and what can be done about that cause."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from bilm_client.proxies import Proxy


@dataclass(frozen=True)
class Cause:
    """Why there is no response.

    Args:
        found: What happened.
        remedy: What can be done about it.
        is_transient: Whether the same request may succeed a little later.
    """

    found: str
    remedy: str
    is_transient: bool = False


def cause_of(
    error: Exception, url: httpx.URL, proxy: Proxy | None, timeout_s: float | None
) -> Cause:
    """Return the cause of an exception of httpx.

    Args:
        error: The exception.
        url: The address of the request.
        proxy: The proxy that the request went through.
        timeout_s: Seconds that the client waits for the next byte.
    """
    if isinstance(error, httpx.TimeoutException):
        return _time_out(error, proxy, timeout_s)
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return Cause(
                f"the certificate of {url.host} is not trusted: {link.verify_message}",
                "name the file of your authority in SSL_CERT_FILE, or use the host name that the"
                " certificate is for",
            )
        if isinstance(link, ssl.SSLError):
            return Cause(
                f"no TLS connection: {link.reason or link}",
                f"if the service speaks plain HTTP, give http://{url.netloc.decode()}",
            )
    if proxy is not None and isinstance(error, httpx.ProxyError | httpx.ConnectError):
        return Cause(
            f"{proxy} gave no connection: {_words(error)}",
            "correct the proxy, name the service in NO_PROXY, or give proxy=False",
            is_transient=isinstance(error, httpx.ConnectError),
        )
    if isinstance(error, httpx.ConnectError):
        return _unreached(error, url)
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return Cause(
            f"the connection was closed without a whole response: {_words(error)}",
            "is the service running there, or did it end? If it speaks TLS, give https://",
            is_transient=True,
        )
    return Cause(_words(error), "is the address that of a biLM service?")


def _time_out(error: httpx.TimeoutException, proxy: Proxy | None, timeout_s: float | None) -> Cause:
    through = "" if proxy is None else f" through {proxy}"
    if isinstance(error, httpx.ConnectTimeout):
        return Cause(
            f"no connection{through} within {timeout_s} s (timeout_s)",
            "does a firewall drop the packets, and is the address correct?",
            is_transient=True,
        )
    return Cause(
        f"no byte{through} for {timeout_s} s (timeout_s)",
        "raise timeout_s, send shorter texts, or look whether the service is stuck",
    )


def _unreached(error: Exception, url: httpx.URL) -> Cause:
    for link in _chain(error):
        if isinstance(link, socket.gaierror):
            return Cause(
                f"the name {url.host} has no address: {link.strerror}",
                "correct the host, or the name service",
                is_transient=True,
            )
        if isinstance(link, ConnectionRefusedError):
            return Cause(
                "the connection was refused",
                f"is the service running there, and is {url.port or url.scheme} its port?",
                is_transient=True,
            )
    return Cause(
        f"no connection: {_words(error)}",
        "is the address correct, and the network up?",
        is_transient=True,
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and all exceptions that led to it."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for one in error.exceptions:
                yield from _chain(one)
        error = error.__cause__ or error.__context__


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
