"""Whether an Ollama answers, where, and which models it holds; believed for a while, doubted when a call fails.

Knows Ollama's address and its list of models; refuses to know who speaks through it.
"""

import asyncio
import ipaddress
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from songwright.errors import Unfit

DEFAULT_ADDRESS = "http://127.0.0.1:11434"


class _Tag(BaseModel):
    name: str


class _Tags(BaseModel):
    models: list[_Tag] | None = None  # null where an older server holds none


@dataclass(frozen=True, slots=True)
class Reading:
    """What the server said when it was last asked."""

    answers: bool
    models: tuple[str, ...] = ()
    error: str | None = None
    latency_ms: float | None = None

    def holds(self, model: str) -> bool:
        """True where the server has this model; a name without a tag means `:latest`."""
        return model in self.models or f"{model}:latest" in self.models


class OllamaServer:
    """One Ollama server: its address, a shared connection pool and the last reading.

    The pool ignores proxies of the environment: Ollama stands on this machine or on this network.
    """

    def __init__(self, host: str | None, *, timeout_s: float, ttl_s: float) -> None:
        self.url = address(host)
        self.shown_url = _without_credentials(self.url)
        self.transport = httpx.AsyncHTTPTransport()
        self.last_error: str | None = None
        self._client = httpx.AsyncClient(transport=self.transport, base_url=self.url, timeout=timeout_s)
        self._timeout_s = timeout_s
        self._ttl_s = ttl_s
        self._asking = asyncio.Lock()
        self._reading: Reading | None = None
        self._read_at = 0.0  # monotonic seconds

    async def read(self) -> Reading:
        """Ask the server which models it holds, or repeat what it said less than the believed time ago."""
        async with self._asking:
            if self._reading is None or time.monotonic() - self._read_at >= self._ttl_s:
                self._reading = await self._ask()
                self._read_at = time.monotonic()
                self.last_error = self._reading.error or self.last_error
            return self._reading

    def doubt(self, reason: str) -> None:
        """Believe the last reading no longer: a call just failed for this reason."""
        self.last_error = reason
        self._reading = None

    async def aclose(self) -> None:
        """Close the connection pool, for every client that shares it."""
        await self._client.aclose()

    async def _ask(self) -> Reading:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._client.get("/api/tags")
            tags = _Tags.model_validate_json(answer.raise_for_status().content)
        except TimeoutError:
            return Reading(False, error=f"Ollama at {self.shown_url} did not answer in {self._timeout_s:g} s.")
        except httpx.HTTPStatusError as error:
            return Reading(False, error=f"Ollama at {self.shown_url} answers {error.response.status_code}.")
        except httpx.HTTPError:
            return Reading(False, error=f"Ollama at {self.shown_url} does not answer.")
        except ValueError:
            return Reading(False, error=f"What answers at {self.shown_url} is not an Ollama server.")
        latency_ms = (time.perf_counter() - started) * 1000
        return Reading(True, tuple(sorted(tag.name for tag in tags.models or ())), latency_ms=latency_ms)


def address(host: str | None) -> str:
    """The server's URL from OLLAMA_HOST as Ollama reads it: a host, host:port, or a URL, perhaps with a path.

    Without a scheme the port defaults to 11434. An address to listen on (0.0.0.0 or ::) becomes this machine's own.

    Raises:
        Unfit: it is none of these.
    """
    if not host or not host.strip():
        return DEFAULT_ADDRESS
    text = host.strip()
    has_scheme = "://" in text
    parts = urlsplit(text if has_scheme else f"http://{text}")
    sentence = f"OLLAMA_HOST is {host!r}, which is no host, host:port or URL; unset it or mend it."
    try:
        port = parts.port or (None if has_scheme else 11434)
    except ValueError as error:
        raise Unfit(sentence) from error
    if parts.scheme not in {"http", "https"} or any(letter.isspace() for letter in text):
        raise Unfit(sentence)
    credentials = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    where = _reachable(parts.hostname or "127.0.0.1") + (f":{port}" if port else "")
    return f"{parts.scheme}://{credentials}{where}{parts.path.rstrip('/')}"


def _reachable(hostname: str) -> str:
    try:
        ip = ipaddress.ip_address(hostname)
    except ValueError:
        return hostname
    if ip.is_unspecified:
        return "127.0.0.1" if ip.version == 4 else "[::1]"
    return f"[{ip}]" if ip.version == 6 else str(ip)


def _without_credentials(url: str) -> str:
    scheme, _, rest = url.partition("://")
    netloc, slash, path = rest.partition("/")
    return f"{scheme}://{netloc.rpartition('@')[2]}{slash}{path}"
