"""The app: everything put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.broker import Broker
from {{ cookiecutter.package_name }}.messages import Outbox
from {{ cookiecutter.package_name }}.metrics import CountRequests, Metrics
from {{ cookiecutter.package_name }}.routes import router
from {{ cookiecutter.package_name }}.settings import Settings
from {{ cookiecutter.package_name }}.telemetry import start_telemetry

__all__ = ["create_app"]


def create_app(settings: Settings) -> FastAPI:
    """Make an app that nothing else shares anything with."""
    metrics, outbox = Metrics(), Outbox(settings.messages_kept)
    broker = Broker(settings, metrics, outbox)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        broker.start()
        yield
        await broker.stop()
        end_telemetry()

    app = FastAPI(title="{{ cookiecutter.service_name }}", version=__version__, lifespan=lifespan)
    app.state.broker, app.state.outbox, app.state.metrics = broker, outbox, metrics
    app.include_router(router)
    app.add_middleware(CountRequests, metrics=metrics)
    end_telemetry = start_telemetry(app, settings)
    return app
