"""Proxies: loopback is reached directly, everything else as the user wants it."""

from __future__ import annotations

import http.server
import threading
import urllib.request
from collections.abc import Iterator

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.utils import should_bypass_proxies

from groundwork.base.loopback import HOSTS, reach_directly
from suites.support.pond import Pond

DEAD = "http://127.0.0.1:9"
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
TIMEOUT_S = 10.0

hosts = st.lists(st.sampled_from(["example.org", ".corp", "10.0.0.0/8", "localhost", " a "]))


@given(st.sampled_from(PROXIES), hosts, hosts)
def test_what_the_user_excepts_stays(proxy: str, upper: list[str], lower: list[str]) -> None:
    """Both spellings are the same afterwards, and hold everything, once."""
    environ = {proxy: DEAD, "NO_PROXY": ",".join(upper), "no_proxy": ",".join(lower)}
    reach_directly(environ)
    assert environ["NO_PROXY"] == environ["no_proxy"]
    found = environ["NO_PROXY"].split(",")
    assert set(found) == {each.strip() for each in (*upper, *lower)} | set(HOSTS)
    assert len(found) == len(set(found))
    before = dict(environ)
    reach_directly(environ)
    assert environ == before


@pytest.mark.parametrize("environ", [{}, {"PATH": "/bin"}])
def test_where_there_is_no_proxy_nothing_changes(environ: dict[str, str]) -> None:
    """Not a variable more than the user has."""
    before = dict(environ)
    reach_directly(environ)
    assert environ == before


def test_who_excepts_everything_has_excepted_loopback() -> None:
    """A star stands alone, or it is no star."""
    environ = {"http_proxy": DEAD, "no_proxy": "*"}
    reach_directly(environ)
    assert environ["NO_PROXY"] == environ["no_proxy"] == "*"


@pytest.fixture
def server() -> Iterator[str]:
    """A server on loopback."""
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    with made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}/"
        made.shutdown()


def test_clients_reach_loopback_past_a_dead_proxy(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests and the standard library; an address elsewhere is left to the proxy."""
    for name in (*PROXIES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", DEAD)
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(server, timeout=TIMEOUT_S)
    monkeypatch.setenv("NO_PROXY", "")  # so that both are taken back afterwards
    monkeypatch.setenv("no_proxy", "")
    reach_directly()
    assert requests.get(server, timeout=TIMEOUT_S).ok
    with urllib.request.urlopen(server, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http, our own
        assert answer.status == requests.codes.ok
    assert not should_bypass_proxies("http://example.org/", no_proxy=None)


def test_a_run_under_a_dead_proxy_is_green(pond: Pond) -> None:
    """Keeper, controller and workers: nobody asks it for a server of this machine."""
    env = dict.fromkeys(PROXIES, DEAD)
    for words in (["-q"], ["-q", "-n", "2"]):
        run = pond.pytest(*words, env=env)
        assert run.returncode == 0, run.output
    begun = pond.groundwork("up", env=env)
    assert begun.returncode == 0, begun.output
    assert pond.groundwork("down", env=env).returncode == 0
