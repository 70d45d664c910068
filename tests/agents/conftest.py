"""Fixtures of the agents' tests: an Ollama to speak to, and a small song to speak about."""

from collections.abc import Iterator

import pytest

from tests.ollama_server import LittleOllama


@pytest.fixture
def ollama() -> Iterator[LittleOllama]:
    """A fresh in-repo Ollama that holds llama3.2."""
    with LittleOllama() as server:
        yield server
