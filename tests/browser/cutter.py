"""A TCP proxy that is slow and cuts event streams in the middle, as networks do."""

import re
import socket
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_STREAM = re.compile(rb"^(POST /generate|GET /runs/[^ ]+/events) ", re.MULTILINE)
_LAST_ID = re.compile(rb"^last-event-id: (\d+)\r$", re.MULTILINE | re.IGNORECASE)


@dataclass
class Cutter:
    """Passes everything on, event streams slowly; closes the first `cuts` of them after so many bytes."""

    target: tuple[str, int]
    cuts: int
    after_bytes: int
    pace_s: float  # between two pieces of a stream
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
        line = threading.Event()  # never set: it only takes its time
        budget: list[int] = []  # bytes that may still pass back, once the connection carries a stream to be cut

        def back() -> None:
            with suppress(OSError):
                while chunk := server.recv(512):
                    if budget:
                        line.wait(self.pace_s)
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
                    is_cut = len(self.streams) <= self.cuts
                    budget[:] = [self.after_bytes if is_cut else sys.maxsize]
                server.sendall(chunk)
        for end in (client, server):
            end.close()


@contextmanager
def cutting(url: str, *, cuts: int = 0, after_bytes: int = 0, pace_s: float = 0.01) -> Generator[Cutter]:
    host, _, port = url.removeprefix("http://").partition(":")
    cutter = Cutter((host, int(port)), cuts, after_bytes, pace_s)
    threading.Thread(target=cutter.serve, daemon=True).start()
    try:
        yield cutter
    finally:
        cutter.listener.close()
