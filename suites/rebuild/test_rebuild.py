"""Going away and coming back: what a run has made is gone without a trace, and can be made anew."""

from __future__ import annotations

from collections.abc import Iterator

import allure
import pytest

from fixtures.platforms.nodes import NODE_IMAGE
from fixtures.settings import FoundationSettings
from groundwork.artifacts import Cache, Workshop, default_cache_dir
from groundwork.use.inventory import Inventory
from suites.support.decoys import strangers_container
from suites.support.scene import Scene, options_of, scene_of

# Several times what each takes warm on two cores; the first start on a machine builds its images.
UP_TIMEOUT_S = 1800.0
RUN_TIMEOUT_S = 600.0
DOWN_TIMEOUT_S = 120.0
# What is being closed by somebody else, such as a listening port, may take a moment.
SETTLE_TIMEOUT_S = 10.0


@pytest.fixture(scope="module")
def scene(pytestconfig: pytest.Config, decided: FoundationSettings) -> Iterator[Scene]:
    """Runs with the options of this one, in folders of their own."""
    with scene_of(options_of(pytestconfig), engine=decided.env != "local") as made:
        yield made


@pytest.fixture(scope="module")
def baseline(scene: Scene, decided: FoundationSettings) -> Inventory:
    """What there is once images are built and the engine has made and removed a container.

    An engine makes bridges and chains of the firewall when it is first used, and keeps them.
    """
    engine = scene.scope.engine
    if engine is not None:
        if decided.images == "packages":
            NODE_IMAGE.resolve(Workshop(Cache.open(default_cache_dir())))
            image = NODE_IMAGE.reference
        else:
            scene.call("groundwork", "up", timeout_s=UP_TIMEOUT_S)
            scene.call("groundwork", "down", timeout_s=DOWN_TIMEOUT_S)
            image = engine.run("images", "--quiet").split()[0]
        with strangers_container("groundwork-baseline", image):
            pass
    return scene.inventory()


def test_full_removal_leaves_no_difference(scene: Scene, baseline: Inventory) -> None:
    """Brought up, verified and ended, an environment leaves the machine exactly as it was.

    Counted are containers, networks, volumes and images, network namespaces, interfaces, mounts
    and rules of the firewall, processes, ports, sockets and temporary files, and the user's
    kubeconfig.
    """
    with allure.step("bring it up, and keep it"):
        scene.call("groundwork", "up", timeout_s=UP_TIMEOUT_S)
    with allure.step("verify it"):
        output = scene.call("pytest", *scene.SMOKE, timeout_s=RUN_TIMEOUT_S)
        assert "adopted environment" in output
    with allure.step("end it"):
        scene.call("groundwork", "down", timeout_s=DOWN_TIMEOUT_S)
    scene.await_nothing_left(baseline, SETTLE_TIMEOUT_S)


def test_the_rebuilt_environment_is_green(scene: Scene, baseline: Inventory) -> None:
    """After a full removal the smoke suite makes everything anew, is green, and leaves nothing."""
    output = scene.call("pytest", *scene.SMOKE, timeout_s=UP_TIMEOUT_S)
    assert "adopted" not in output
    scene.await_nothing_left(baseline, SETTLE_TIMEOUT_S)
