"""A TCP proxy that cuts event streams in the middle, as networks do."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_STREAM = re.compile(rb"^(POST /generate|GET /runs/[^ ]+/events) ", re.MULTILINE)
_LAST_ID = re.compile(rb"^last-event-id: (\d+)\r$", re.MULTILINE | re.IGNORECASE)


@dataclass
class Cutter:
    """Passes everything on, but closes the first `cuts` event streams after so many bytes of answer."""

    target: tuple[str, int]
    cuts: int
    after_bytes: int
    streams: list[int | None] = field(default_factory=list[int | None])  # Last-Event-ID of each stream asked for
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target, timeout=30)
                threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        budget: list[int] = []  # bytes that may still pass back, once the connection carries a stream to be cut

        def back() -> None:
            with suppress(OSError):
                while chunk := server.recv(512):
                    if budget:
                        chunk, budget[0] = chunk[: budget[0]], budget[0] - len(chunk)
                    client.sendall(chunk)
                    if budget and budget[0] <= 0:
                        break
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=back, daemon=True).start()
        with suppress(OSError):
            while chunk := client.recv(65536):
                if _STREAM.search(chunk):
                    last = _LAST_ID.search(chunk)
                    self.streams.append(int(last[1]) if last else None)
                    if len(self.streams) <= self.cuts:
                        budget.append(self.after_bytes)
                server.sendall(chunk)
        for end in (client, server):
            end.close()


@contextmanager
def cutting(url: str, *, cuts: int, after_bytes: int) -> Iterator[Cutter]:
    host, _, port = url.removeprefix("http://").partition(":")
    cutter = Cutter((host, int(port)), cuts, after_bytes)
    threading.Thread(target=cutter.serve, daemon=True).start()
    try:
        yield cutter
    finally:
        cutter.listener.close()
