"""The service template, rendered for tests."""

from __future__ import annotations

from pathlib import Path

from cookiecutter.main import cookiecutter

from fixtures.paths import ROOT

__all__ = ["render"]

TEMPLATE = ROOT / "templates" / "service"


def render(folder: Path, **context: str) -> Path:
    """Render the template without a trace in the user's home."""
    config = folder / "config.yaml"
    config.write_text(f"replay_dir: {folder / 'replay'}\ncookiecutters_dir: {folder / 'cut'}\n")
    made = cookiecutter(
        str(TEMPLATE),
        no_input=True,
        output_dir=str(folder),
        config_file=str(config),
        extra_context=context,
    )
    return Path(made)
