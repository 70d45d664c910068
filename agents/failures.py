"""The ways a model can fail to answer, each a type of its own with a sentence that names provider and model.

Knows which errors the clients of models raise; refuses to know who tries again or who stands in.

    ModelFailure
    ├── ModelAway         not reached, or gone while it spoke          may work when tried again
    ├── ModelTimeout      silent for too long                          may work when tried again
    ├── ModelRateLimited  its queue or its quota is full (429, 503)    may work later
    ├── ModelRefused      it will not take the request as it stands    trying again is useless
    ├── PromptTooLong     refused here, before anything was sent       trying again is useless
    └── AnswerUnfit       it answered, twice, with nothing usable      trying again is useless
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import ClassVar

import httpx
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelConnectionError,
    ModelError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from ollama import ResponseError

from songwright.errors import Unavailable, Unfit
from songwright.song import Writer


class ModelFailure(Unavailable):
    """A model gave no usable answer. `reason` is the sentence, `retry` whether trying again can help."""

    retry: ClassVar[bool] = False

    @property
    def reason(self) -> str:
        """One sentence naming the provider, the model and what went wrong."""
        return self.detail


class ModelAway(ModelFailure):
    """The model's server was not reached, or was lost while it spoke."""

    retry = True


class ModelTimeout(ModelFailure):
    """The model was silent for longer than a chunk may take."""

    retry = True


class ModelRateLimited(ModelFailure):
    """The model's server is full; `retry_after_s` is when to come back, in seconds, where it said so."""

    retry = True

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ModelRefused(ModelFailure):
    """The model or its server will not take this request: unknown model, missing rights, unsupported option."""


class PromptTooLong(ModelFailure):
    """The prompt does not fit the context window; Ollama would cut it without a word."""

    slug, title, status = Unfit.slug, Unfit.title, Unfit.status


class AnswerUnfit(ModelFailure):
    """The model answered with nothing, or twice with something that does not fit the schema."""


@contextmanager
def explained(writer: Writer) -> Generator[None]:
    """Turn what a model's client raises within the block into a ModelFailure; anything else passes untouched.

    ValueError is among what clients raise: an empty list of messages, a line that is no JSON (JSONDecodeError), a
    lone surrogate (UnicodeEncodeError), a stream without a chunk. Only the client's own code may stand in the block.
    """
    try:
        yield
    except ResponseError as error:
        raise _from_ollama(error, writer) from error
    except ModelError as error:
        raise _from_langchain(error, writer) from error
    except httpx.ConnectTimeout as error:
        raise ModelAway(f"{named(writer)} cannot be reached: no connection in time.") from error
    except httpx.TimeoutException as error:
        raise ModelTimeout(f"{named(writer)} was silent for too long and was given up.") from error
    except (httpx.HTTPError, ConnectionError) as error:
        raise ModelAway(f"{named(writer)} was not reached or was lost: {_said(error)}.") from error
    except UnicodeEncodeError as error:
        raise ModelRefused(f"{named(writer)} cannot be sent text with a lone surrogate.") from error
    except ValueError as error:
        raise ModelAway(f"{named(writer)} broke off with an unreadable answer: {_said(error)}.") from error


def _from_ollama(error: ResponseError, writer: Writer) -> ModelFailure:
    name, said = named(writer), str(error.error).strip().rstrip(".")
    match error.status_code:
        case 404:
            return ModelRefused(f"{name} is not held by its server; run `ollama pull {writer.model}`.")
        case 429 | 503:
            return ModelRateLimited(f"{name} has a full queue: {said}.")
        case -1:  # the runner died in the middle of its stream; the next call starts another
            return ModelAway(f"{name} broke off while it spoke: {said}.")
        case status if status >= 500:
            return ModelAway(f"{name} failed with status {status}: {said}.")
        case status:
            return ModelRefused(f"{name} refused the request with status {status}: {said}.")


def _from_langchain(error: ModelError, writer: Writer) -> ModelFailure:
    name, kind = named(writer), type(error).__name__
    match error:
        case ModelRateLimitError():
            return ModelRateLimited(f"{name} is rate limited.", retry_after_s=_retry_after_s(error))
        case ModelTimeoutError():
            return ModelTimeout(f"{name} was silent for too long and was given up.")
        case ModelConnectionError() | ModelAPIError():
            return ModelAway(f"{name} was not reached or was lost ({kind}).")
        case ContextOverflowError():
            return PromptTooLong(f"The prompt is longer than {name} can read; shorten it.")
        case _:  # the message may quote credentials, so only its type is told
            return ModelRefused(f"{name} refused the request ({kind}).")


def _retry_after_s(error: Exception) -> float | None:
    """The Retry-After header of the answer behind a hosted provider's error, where it is a number of seconds."""
    response: object = getattr(error, "response", None)
    if not isinstance(response, httpx.Response):
        return None
    try:
        return float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None


def named(writer: Writer) -> str:
    return f"The model {writer.model!r} of {writer.provider}"


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
