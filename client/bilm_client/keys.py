"""Read the API key and the address of a service, and keep what is secret out of messages."""

import os
import re
from typing import Self

import httpx

from bilm_client.errors import InputError

# What the value of an HTTP header may consist of.
HEADER_CHARACTERS = re.compile(r"[ -~]*")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# localhost or a number, perhaps with a port and a path. Without a scheme, any other name may be a
# key that was given in place of an address.
PLACE = re.compile(
    r"(localhost|[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/.*)?", re.IGNORECASE
)
# A host whose labels are no longer than those of a name, and what follows its colon.
HOST = re.compile(
    r"(\[[0-9a-f:.]*\]|[^:.]{0,63}(?:\.[^:.]{0,63})*)(?::(.*))?", re.IGNORECASE | re.DOTALL
)
PORT = re.compile(r"[0-9]{0,5}")
MASK = "***"


class Key(str):
    """An API key, whose `repr` shows no character of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


class Variable(str):
    """The name of an environment variable; `repr` masks it if there is none, as it may be a key."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(str(self) if _has_variable(self) else MASK)


class Address(str):
    """The address of a service or a proxy, whose `repr` shows no user name and no password.

    Without a scheme it may be a key that was given in its place, and is not shown at all unless it
    is localhost or a number.
    """

    __slots__ = ()

    @classmethod
    def of(cls, url: object) -> Self:
        """Return the address without white space around it.

        Raises:
            InputError: the address is not a string.
        """
        if isinstance(url, httpx.URL):
            url = str(url)
        if not isinstance(url, str):
            raise InputError(
                f"the address is of type {type(url).__name__}; give a string such as"
                " 'http://127.0.0.1:8000'"
            )
        return cls(url.strip())

    def __repr__(self) -> str:
        return repr(without_user(str(self)) if is_address(self) else MASK)


def key_of(api_key: str | None, variable: str | None) -> Key | None:
    """Return the key without white space around it; None if there is none, or an empty one.

    Args:
        api_key: The key itself.
        variable: Name of the environment variable that holds the key.

    Raises:
        InputError: both are given, the environment has no such variable, or the key has a
            character that a header cannot carry. The message does not contain the key.
    """
    if variable is not None:
        if api_key is not None:
            raise InputError("api_key and api_key_variable are both given; give one of them")
        api_key = _key_in(variable)
    if api_key is None:
        return None
    if not isinstance(api_key, str):
        raise InputError(f"api_key is of type {type(api_key).__name__}; give a string")
    key = api_key.strip()
    position = HEADER_CHARACTERS.match(key).end()  # type: ignore[union-attr]  # matches nothing too
    if position < len(key):
        raise InputError(
            f"character {position} of api_key is not printable ASCII, and a header cannot carry it;"
            " give the key as the service has it"
        )
    return Key(key) if key else None


def _key_in(variable: str) -> str:
    if not isinstance(variable, str):
        raise InputError(f"api_key_variable is of type {type(variable).__name__}; give a name")
    if not _has_variable(variable):
        raise InputError(
            "api_key_variable: the environment has no variable of this name, which is not shown"
            " because it may be the key itself; set the variable, give the key as api_key, or leave"
            " both out"
        )
    key = os.environ[variable]
    if not key.strip():
        raise InputError(
            f"api_key_variable: the variable {variable} is empty; set it, give the key itself as"
            " api_key, or leave both out"
        )
    return key


def checked_address(url: object) -> httpx.URL:
    """Return an address that requests can be sent to.

    Raises:
        InputError: it has no scheme, another scheme than http or https, no host, or a query.
    """
    address = Address.of(url)
    shown = repr(address)
    scheme = SCHEME.match(address)
    if scheme is None and not is_address(address):
        raise InputError(
            "the address has no scheme; give http://127.0.0.1:8000 or the like, or https:// if the"
            " service speaks TLS. What was given is not shown, because it may be a key, which"
            " belongs in api_key"
        )
    if scheme is None:
        example = without_user(address) or "127.0.0.1:8000"
        raise InputError(
            f"the address {shown} has no scheme; give http://{example},"
            " or https:// if the service speaks TLS"
        )
    if scheme[0].lower() not in ("http://", "https://"):
        raise InputError(f"the address {shown} is not one of http or https; give http://…")
    parsed = readable(address, f"the address {shown}")
    if parsed.query or parsed.fragment:
        raise InputError(
            f"the address {shown} has a query or a fragment, which would be lost; give the address"
            " alone, and a key as api_key"
        )
    return parsed


def readable(url: str, name: str) -> httpx.URL:
    """Return an address with a scheme as httpx reads it.

    Args:
        url: The address.
        name: What a message calls it, such as `the address 'http://h'`.

    Raises:
        InputError: it cannot be read, has an `@` behind its host, or has a host or a port that
            cannot be one. What httpx says of it is not repeated, for that may be a password.
    """
    place = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)
    if "@" in "".join(place[1:]):
        raise InputError(
            f"{name} has an @ behind a / ? or #; a user name and a password need %2F for /, %3F for"
            " ?, %23 for # and %40 for @, and so does an @ of a path"
        )
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        parsed = None
    # The error is raised outside of `except`, so that it does not hold the error of httpx.
    if parsed is None:
        raise InputError(f"{name} cannot be read; give one such as http://127.0.0.1:8000")
    if not parsed.host:
        raise InputError(f"{name} has no host; give one such as http://127.0.0.1:8000")
    if parsed.port is not None and not 0 < parsed.port < 1 << 16:
        raise InputError(f"{name} has a port that is not one of 1 to 65535; correct it")
    if any(not 0 < len(label) < 64 for label in parsed.host.rstrip(".").split(".")):
        raise InputError(f"{name} has a host that cannot be a name; correct it")
    return parsed


def is_address(url: str) -> bool:
    """Return whether this can hardly be a key that was given in place of an address."""
    if not url or SCHEME.match(url):
        return True
    return PLACE.fullmatch(without_user(url)) is not None


def _has_variable(name: str) -> bool:
    try:
        return name in os.environ
    except UnicodeError:  # half of a surrogate pair, which no name has
        return False


def without_user(url: str) -> str:
    """Return an address without user name, password, query and fragment, to be shown.

    A password that is not escaped may have any character, so all before the last `@` goes. What
    cannot be a port, or a name of a host, may be a secret as well and is replaced by `***`.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*:)?//", url)
    begin = scheme.end() if scheme else 0
    place = re.split(r"[?#]", url[begin:].rpartition("@")[2], maxsplit=1)[0]
    host, slash, path = place.partition("/")
    shown = _shown_host(host)
    # What follows a masked password may be the rest of it.
    return url[:begin] + shown + ("" if shown.endswith(MASK) else slash + path)


def _shown_host(host: str) -> str:
    """Return a host with its port, without what cannot be either."""
    found = HOST.fullmatch(host)
    if found is None:
        return MASK
    name, port = found.groups()
    if port is None:
        return str(name)
    return f"{name}:{port if PORT.fullmatch(port) else MASK}"
