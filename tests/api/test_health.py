"""Health comes from the parts, and asking never hangs."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from songwright.settings import ChromaSettings, RedisSettings
from tests.api.conftest import calling, served_settings


def test_health_names_what_is_away(client: httpx.Client) -> None:
    body = client.get("/health").json()
    assert body["status"] == "ok"
    assert body["away"] == []
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"status": "ok"}


def test_every_part_tells_of_itself(client: httpx.Client) -> None:
    info = client.get("/health/info").json()
    assert info["database"]["dialect"] == "sqlite"
    assert info["database"]["version"]
    assert info["database"]["tables"] > 10
    assert info["database"]["pool"]["writers"] == 1
    assert info["cache"]["kind"] == "memory"
    assert info["vectors"]["kind"] == "embedded"
    assert info["models"]["embedded"]["answers"] is True
    assert info["embedder"]["is_warm"] in (True, False)


def test_parts_that_are_away_are_told_and_survived(tmp_path: Path) -> None:
    nowhere = served_settings(
        tmp_path,
        redis=RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"), timeout_s=0.2),
        chroma=ChromaSettings(url="http://127.0.0.1:1"),
    )
    with calling(nowhere) as client:
        body = client.get("/health").json()
        assert (body["status"], sorted(body["away"])) == ("degraded", ["cache", "vectors"])
        info = client.get("/health/info").json()
        assert info["cache"]["stands_in"] == "memory"
        assert client.get("/health/ready").status_code == 200


def test_redis_is_asked_where_there_is_one(tmp_path: Path, redis_url: str) -> None:
    with_redis = served_settings(tmp_path, redis=RedisSettings(url=SecretStr(redis_url)))  # pyright: ignore[reportCallIssue]
    with calling(with_redis) as client:
        cache = client.get("/health/info").json()["cache"]
        assert (cache["kind"], cache["answers"]) == ("redis", True)


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_programs_get_links_at_the_root(client: httpx.Client, accept: str) -> None:
    body = client.get("/", headers={"accept": accept}).json()
    assert body["name"] == "Songwright"
    for path in body["links"].values():
        answer = client.get(path)
        assert answer.status_code in (200, 405), path


def test_browsers_get_the_first_page_at_the_root(client: httpx.Client) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = client.get("/", headers={"accept": browser})
    assert page.headers["content-type"].startswith("text/html")
    assert "Songwright" in page.text
    assert client.get("/", headers={"accept": "image/png"}).status_code == 406
