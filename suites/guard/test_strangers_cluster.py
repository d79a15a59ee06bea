"""A cluster of somebody else: used with its owner's consent, and left as it was."""

from __future__ import annotations

from collections.abc import Iterator

import allure
import pytest
import yaml

from groundwork.base.errors import WaitTimeoutError
from groundwork.kube.clearing import clear
from groundwork.kube.client import Kube
from groundwork.kube.objects import ENVIRONMENT
from suites.support.decoys import Stranger, strangers_cluster
from suites.support.scene import Scene, scene_of

API_PORT = 19_195
RUN_TIMEOUT_S = 300.0
# Several times what deleting an empty namespace takes.
CLEAR_TIMEOUT_S = 20.0


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """A bare kind cluster of one node."""
    with strangers_cluster("stranger", tmp_path_factory.mktemp("stranger"), API_PORT) as made:
        yield made


@pytest.fixture
def scene(stranger: Stranger) -> Iterator[Scene]:
    """Runs on the stranger's cluster, with a kubeconfig of the user's whose images are there."""
    with scene_of(("--env", "context", "--images", "packages"), engine=False) as made:
        made.scope.kubeconfigs[0].write_bytes(stranger.kubeconfig.read_bytes())
        yield made


def test_without_consent_nothing_is_written(scene: Scene, stranger: Stranger) -> None:
    """The run ends with exit code 4 and one line that tells the cluster's identity."""
    before = stranger.everything()
    run = scene.smoke()
    assert run.wait(RUN_TIMEOUT_S) == 4
    refusals = [line for line in scene.text().splitlines() if line.startswith("ERROR")]
    assert len(refusals) == 1
    assert f"--consent {stranger.kube.identity()}" in refusals[0]
    assert stranger.everything() == before


def test_consent_to_another_cluster_is_none_to_this(scene: Scene, stranger: Stranger) -> None:
    """An identity that isn't the cluster's is refused, whatever its context is called."""
    before = stranger.everything()
    run = scene.smoke("--context", stranger.context, "--consent", "somebody:else")
    assert run.wait(RUN_TIMEOUT_S) == 4
    assert "that isn't context kind-stranger" in scene.text()
    assert stranger.everything() == before


def test_with_consent_it_is_verified_and_left_as_it_was(scene: Scene, stranger: Stranger) -> None:
    """The smoke suite is green; the user's switching to another context in mid-run changes nothing.

    Afterwards every object in the cluster is one that was there before, and the kubeconfig is as
    the user left it.
    """
    before = stranger.everything()
    with allure.step("begin"):
        run = scene.smoke("--context", stranger.context, "--consent", str(stranger.kube.identity()))
        stranger.await_namespace("infra")
    with allure.step("the user switches to another context"):
        file = scene.scope.kubeconfigs[0]
        config = yaml.safe_load(file.read_text())
        config["current-context"] = "elsewhere"
        config["clusters"] = []
        file.write_text(yaml.safe_dump(config))
        switched = file.read_bytes()
    assert run.wait(RUN_TIMEOUT_S) == 0, scene.log()
    assert file.read_bytes() == switched
    assert stranger.everything() == before


def test_what_somebody_else_has_named_alike_is_refused(scene: Scene, stranger: Stranger) -> None:
    """A namespace of the same name without our label is neither changed nor removed."""
    theirs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "infra"}}
    stranger.kube.objects.apply([theirs])
    stranger.await_namespace("infra")
    before = stranger.everything()
    run = scene.smoke("--consent", str(stranger.kube.identity()))
    code = run.wait(RUN_TIMEOUT_S)
    after = stranger.everything()
    stranger.kube.objects.delete("v1", "Namespace", "infra")
    stranger.await_namespace("infra", there=False)
    assert code == 6
    assert "Namespace infra is there already, and isn't of this run" in scene.text()
    assert after == before


def test_a_namespace_that_is_stuck_is_reported_with_what_holds_it(stranger: Stranger) -> None:
    """A finalizer that nobody removes is named, with its object, when the time is up."""
    kube = Kube(stranger.kubeconfig, stranger.kubeconfig.with_suffix(".stuck"), "stuck")
    metadata = {"name": "stuck", "labels": {ENVIRONMENT: "stuck"}}
    held = {"name": "held", "namespace": "stuck", "finalizers": ["example.com/nobody"]}
    kube.objects.apply(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held},
        ]
    )
    with pytest.raises(WaitTimeoutError) as stuck:
        clear(kube.objects, CLEAR_TIMEOUT_S)
    assert "ConfigMap stuck/held is held by finalizer example.com/nobody" in str(stuck.value)
    assert "Namespace stuck is held by" in str(stuck.value)
    kube.objects.apply(
        [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": held | {"finalizers": []}}]
    )
    clear(kube.objects, CLEAR_TIMEOUT_S)
