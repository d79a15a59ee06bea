"""Publishing: an image is built for everybody and pushed, with a list of what it is made of."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from groundwork.artifacts import Workshop
from groundwork.base import process
from groundwork.base.errors import ArtifactError, UsageError
from groundwork.base.process import ProcessFailedError
from groundwork.containers.build import BuiltImage

__all__ = ["publish", "words_of"]

# Packages are fetched and layers pushed, over whatever network there is.
PUBLISH_TIMEOUT_S = 1800.0


def words_of(image: BuiltImage, context: Path, repository: str, tags: Sequence[str]) -> list[str]:
    """What Docker's buildx is told: the tags, an SBOM, and a cache beside the image.

    The cache is the registry's, for a hosted machine has none of its own.
    """
    name = image.tag.rpartition("/")[2].partition(":")[0]
    target = f"{repository}/{name}"
    words = ["buildx", "build", "--push", "--sbom=true", "--provenance=mode=max"]
    words += ["--cache-from", f"type=registry,ref={target}:cache"]
    words += ["--cache-to", f"type=registry,ref={target}:cache,mode=max"]
    for tag in tags:
        words += ["--tag", f"{target}:{tag}"]
    return [*words, str(context)]


def publish(image: BuiltImage, repository: str, tags: Sequence[str], workshop: Workshop) -> None:
    """Build an image and push it under each of some tags.

    Raises:
        UsageError: There is no Docker; only its buildx makes the list and keeps the cache.
        ArtifactError: It can't be built or pushed; says what Docker said last.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise UsageError("docker isn't on PATH; its buildx builds what is pushed")
    with tempfile.TemporaryDirectory(prefix="gw-publish-") as work:
        image.lay_out(Path(work), workshop)
        words = [docker, *words_of(image, Path(work), repository, tags)]
        try:
            process.run(words, timeout_s=PUBLISH_TIMEOUT_S)
        except ProcessFailedError as error:
            first = str(error).partition("\n")[0]
            raise ArtifactError(f"{image.name}: can't be published: {first}") from error
