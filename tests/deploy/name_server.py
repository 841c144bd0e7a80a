"""A name server that gives the addresses of the replicas, as Docker's does inside a container."""

import socket
import struct
import threading

HEADER = struct.Struct(">HHHHHH")  # RFC 1035, section 4.1.1
RESPONSE = 0x8180
TYPE_A = 1


class NameServer:
    """Gives `addresses` for whatever name is asked for, until it is closed."""

    def __init__(self, addresses):
        self.addresses = list(addresses)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # An empty message is no question: it ends the thread.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
            knock.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            query, asker = self._socket.recvfrom(4096)
            if not query:
                return
            self._socket.sendto(self._answer(query), asker)

    def _answer(self, query):
        number = HEADER.unpack_from(query)[0]
        end = query.index(b"\0", HEADER.size) + 5  # of the name, its type and its class
        question = query[HEADER.size : end]
        (kind,) = struct.unpack_from(">H", question, len(question) - 4)
        addresses = self.addresses if kind == TYPE_A else []
        records = [
            # The name is that of the question; class IN; it holds for a second.
            struct.pack(">HHHIH", 0xC00C, TYPE_A, 1, 1, 4) + socket.inet_aton(address)
            for address in addresses
        ]
        header = HEADER.pack(number, RESPONSE, 1, len(records), 0, 0)
        return header + question + b"".join(records)
