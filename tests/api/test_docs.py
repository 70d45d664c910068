"""The documentation works without a network, and what is vendored is what was published."""

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

import api
from api.pages import STATIC

VENDOR = STATIC / "vendor"
LOCK: list[dict[str, Any]] = json.loads((VENDOR / "vendor.lock.json").read_text(encoding="utf-8"))


def test_vendored_files_are_the_published_ones_with_their_licences() -> None:
    locked = {name: digest for package in LOCK for name, digest in package["files"].items()}
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "vendor.lock.json"
    }
    assert found == locked
    for package in LOCK:
        assert package["licence"] in ("MIT", "Apache-2.0")
        assert package["version"] in package["source"]
        assert len((VENDOR / package["licence_file"]).read_text(encoding="utf-8")) > 500


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_documentation_pages_name_no_other_host(client: httpx.Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "//" not in page.text
    assert "<script>" not in page.text
    assert "style=" not in page.text
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) >= 3
    for name in files:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200, name
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy


@pytest.mark.parametrize("name", ["docs.js", "redoc.js", "redoc.css", "pages.css"])
def test_our_own_files_name_no_other_host(name: str) -> None:
    assert not re.search(r"https?://", (STATIC / name).read_text(encoding="utf-8"))


def test_the_files_are_part_of_the_wheel() -> None:
    root = Path(api.__file__).parent.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert "api" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    ignored = (root / ".gitignore").read_text(encoding="utf-8").split()
    assert not {"static", "static/", "vendor", "vendor/", "*.js", "*.html"} & set(
        ignored
    )  # hatch leaves out ignored files


def test_the_document_describes_every_operation(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    names = {tag["name"] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert set(operation["tags"]) <= names, where
            assert operation.get("description"), where
            assert {"403", "422", "503"} <= operation["responses"].keys(), where
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"], where
    for name in ("GenerateRequest", "RecommendRequest", "ResumeRequest", "LyricsEdit", "FeedbackRequest"):
        assert document["components"]["schemas"][name]["examples"], name
    assert "HTTPValidationError" not in json.dumps(document)
