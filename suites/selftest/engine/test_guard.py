"""The guard: an API server that isn't the one consented to is read, and never written to."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from fixtures.kustomize import KUBECTL
from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.base.errors import ProvisionError, UsageError
from groundwork.base.ledger import Ledger, Record
from groundwork.base.removal import load
from groundwork.clusters.context import Chosen, ContextProvider
from groundwork.kube.client import ClusterIdentity, Kube
from groundwork.kube.guard import require_consent
from suites.support.pond import stage_of

OURS = ClusterIdentity("aaaaaaaa-0000-4000-8000-000000000000", "a" * 64)
RUN_TIMEOUT_S = 60.0


def test_consent_is_to_one_identity() -> None:
    """The very identity passes; another one, or none, is refused with the identity in the line."""
    require_consent("context x", OURS, str(OURS))
    for consent in ("", "context x", OURS.uid, f"{OURS.uid}:{'b' * 16}"):
        with pytest.raises(UsageError) as refused:
            require_consent("context x", OURS, consent)
        assert str(OURS) in str(refused.value)
        assert "\n" not in str(refused.value)


@dataclass
class Decoy:
    """An API server of somebody else that says who it is and writes down what it was asked.

    Attributes:
        kubeconfig: Leads to it, by a context named like the one that was consented to.
        log: Method and path of every request.
    """

    kubeconfig: Path
    log: list[str] = field(default_factory=list)


@pytest.fixture
def decoy(tmp_path: Path) -> Iterator[Decoy]:
    """The decoy, listening."""
    made = Decoy(tmp_path / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            made.log.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            metadata = {"name": "kube-system", "uid": "bbbbbbbb-0000-4000-8000-000000000000"}
            body = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the base's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Written down already."""

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ca = base64.b64encode(authority.cert_pem.bytes()).decode()
    cluster = {
        "server": f"https://127.0.0.1:{server.server_port}",
        "certificate-authority-data": ca,
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "production",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "production", "context": {"cluster": "c", "user": "u"}}],
    }
    made.kubeconfig.write_text(json.dumps(config))
    yield made
    server.shutdown()
    server.server_close()


def run(decoy: Decoy, tmp_path: Path, *args: str) -> process.Completed:
    """A run of the real environment, for the context of the decoy."""
    own = {
        "KUBECONFIG": str(decoy.kubeconfig),
        "GROUNDWORK_STATE_DIR": str(tmp_path / "state"),
        "GROUNDWORK_OUT_DIR": str(tmp_path / "out"),
    }
    argv = ["-m", "pytest", "suites/smoke", "-p", "no:cacheprovider", "--env", "context"]
    return process.run(
        [sys.executable, *argv, "--context", "production", *args],
        timeout_s=RUN_TIMEOUT_S,
        cwd=ROOT,
        env=process.plain_environment(own),
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_another_cluster_behind_the_same_name_gets_no_write(
    decoy: Decoy, tmp_path: Path, workers: str
) -> None:
    """One line, exit code 4, and the decoy's log holds reading requests alone."""
    before = decoy.kubeconfig.read_bytes()
    ended = run(decoy, tmp_path, "--consent", str(OURS), "-n", workers)
    assert ended.returncode == 4, ended.output
    refusals = [line for line in ended.output.splitlines() if "--consent" in line]
    assert len(refusals) == 1
    assert "nothing was written to it" in refusals[0]
    assert decoy.log
    assert {line.partition(" ")[0] for line in decoy.log} == {"GET"}
    assert decoy.kubeconfig.read_bytes() == before


def test_what_a_dead_run_has_left_is_not_looked_for_in_another_cluster(
    decoy: Decoy, tmp_path: Path
) -> None:
    """Its API server is another cluster's now: `down` says so, exit code 6, and clears nothing."""
    book = Ledger.create(tmp_path / "state/envs/20260101-000000-0000")
    made = {"remover": ContextProvider.remover, "kubeconfig": str(decoy.kubeconfig), "owner": "x"}
    book.append(Record("intent", "cluster", "production", data=made | asdict(OURS)))
    book.close()
    ended = process.run(
        [sys.executable, "-m", "groundwork", "down"],
        timeout_s=RUN_TIMEOUT_S,
        cwd=ROOT,
        env=process.plain_environment({"GROUNDWORK_STATE_DIR": str(tmp_path / "state")}),
        check=False,
    )
    assert ended.returncode == 6, ended.output
    assert "20260101-000000-0000: not removed: " in ended.output
    assert "the API server is another cluster's now" in ended.output
    assert {line.partition(" ")[0] for line in decoy.log} == {"GET"}
    assert book.folder.exists()


def test_what_could_not_be_removed_can_be_asked_for_again(
    decoy: Decoy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way to the cluster outlives the resource's own files; without it nothing counts as gone.

    A namespace that was stuck at the end of the run is looked for by the next `down`.
    """
    monkeypatch.setenv("KUBECONFIG", str(decoy.kubeconfig))
    identity = Kube(decoy.kubeconfig, tmp_path / "discovery.json", "").identity()
    provider = ContextProvider(Chosen("production", KUBECTL), str(identity))
    stage = stage_of(Ledger.create(tmp_path / "env"), "cluster")
    kubeconfig = provider.create(stage, "production", {})
    record = provider.record(stage) | asdict(identity)
    stage.clean()
    assert kubeconfig.exists()
    assert record["kubeconfig"] == str(kubeconfig)
    kubeconfig.unlink()
    with pytest.raises(ProvisionError, match="can't be asked for"):
        load(provider.remover)("production", record)


def test_a_server_that_proves_nothing_is_refused(decoy: Decoy, tmp_path: Path) -> None:
    """Without TLS verification there is no identity to consent to, and nothing is asked at all."""
    config = json.loads(decoy.kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    del cluster["certificate-authority-data"]
    cluster["insecure-skip-tls-verify"] = True
    decoy.kubeconfig.write_text(json.dumps(config))
    ended = run(decoy, tmp_path, "--consent", str(OURS))
    assert ended.returncode == 4, ended.output
    assert "isn't authenticated by TLS" in ended.output
    assert decoy.log == []


def test_a_context_that_isnt_there_is_named(decoy: Decoy, tmp_path: Path) -> None:
    """The line tells which there are."""
    config = json.loads(decoy.kubeconfig.read_text())
    config["contexts"][0]["name"] = "staging"
    decoy.kubeconfig.write_text(json.dumps(config))
    ended = run(decoy, tmp_path)
    assert ended.returncode == 4, ended.output
    assert "there is no context production in the kubeconfig; contexts there: staging" in (
        ended.output
    )
