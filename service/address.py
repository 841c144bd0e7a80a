"""The address that the service listens on, taken before anything slow begins."""

import socket

from .errors import AddressError


def take_address(host: str, port: int) -> list[socket.socket]:
    """Return a bound socket for each address of a host; with port 0, all of one free port.

    Raises:
        AddressError: the host is unknown, or the address is not this machine's or is taken.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressError(
            f"the host {host!r} has no address ({_reason(error)}); set BILM_HOST to a name or"
            " number of this machine, or to 0.0.0.0 for all of them"
        ) from error
    sockets: list[socket.socket] = []
    for family, _, _, _, address in found:
        if sockets:  # the port that the first one got
            address = (address[0], sockets[0].getsockname()[1], *address[2:])
        try:
            sockets.append(_bound(family, address))
        except OSError as error:
            for one in sockets:
                one.close()
            raise AddressError(
                f"cannot listen on {host} port {port} ({_reason(error)}); end what listens there,"
                " or choose another BILM_PORT or BILM_HOST"
            ) from error
    return sockets


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # beside a socket for IPv4, which would take the same port
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    except OSError:
        one.close()
        raise
    return one


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def url_of(one: socket.socket) -> str:
    """Return the URL of a bound socket."""
    host, port = one.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
