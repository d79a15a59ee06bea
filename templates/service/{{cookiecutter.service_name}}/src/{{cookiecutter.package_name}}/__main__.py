"""`python -m {{ cookiecutter.package_name }}`: serve until SIGTERM."""

import uvicorn

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.logs import configure_logs
from {{ cookiecutter.package_name }}.settings import Settings

# Kubernetes kills after 30 s by default; open requests and the broker's goodbye need less.
SHUTDOWN_TIMEOUT_S = 3


def main() -> None:
    """Read the settings and run the server."""
    settings = Settings()
    configure_logs(settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,  # logs go through structlog, as everything else's
        access_log=False,  # requests are counted in /metrics and traced
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )


if __name__ == "__main__":
    main()
