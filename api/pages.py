"""The few pages that belong to the service itself: problems and the API's documentation. They ask nobody else.

Knows templates and their content security policies; refuses to know what the pages tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
STATIC = HERE / "static"

_TEMPLATES = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
# Scripts are files of this service. Both documentation viewers write style elements; their search runs in a worker
# made from a blob, and their icons are data URLs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page's text and the headers it goes out with."""

    text: str
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"content-security-policy": _POLICY, "cache-control": "no-cache", "vary": "Accept"}
    )


def rendered(template: str, **values: Any) -> Rendered:
    """The page that a template makes of the values."""
    return Rendered(_TEMPLATES.get_template(template).render(**values))
