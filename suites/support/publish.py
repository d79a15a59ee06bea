"""`python -m suites.support.publish REPOSITORY TAG...`: our own images, built and pushed."""

from __future__ import annotations

import sys

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from fixtures.resources import generators, hello_world, toolbox
from groundwork.artifacts import Cache, Workshop
from groundwork.base.errors import UsageError
from groundwork.containers.publish import publish
from groundwork.use.command import perform, say

__all__ = ["IMAGES"]

# Everything with a Dockerfile: the service, what tests ask from inside, and loads.
IMAGES = (hello_world.VENDOR_IMAGE, toolbox.VENDOR_IMAGE, generators.VENDOR_IMAGE)


def main() -> int:
    """Build and push each."""
    if len(sys.argv) < 3:
        raise UsageError("make images REPOSITORY=REGISTRY/PATH TAGS='latest SHA'")
    repository, tags = sys.argv[1].lower(), sys.argv[2:]  # a registry knows no capitals
    workshop = Workshop(Cache.open(ENVIRONMENT.settings.load({}, ROOT).cache_dir))
    for image in IMAGES:
        publish(image, repository, tags, workshop)
        say(f"groundwork: pushed {image.tag.rpartition('/')[2].partition(':')[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(perform(main))
