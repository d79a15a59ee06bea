"""The app: everything put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.broker import Broker
from {{ cookiecutter.package_name }}.inbox import Inbox
from {{ cookiecutter.package_name }}.market_data import MarketData
from {{ cookiecutter.package_name }}.messages import Message
from {{ cookiecutter.package_name }}.metrics import CountRequests, Metrics
from {{ cookiecutter.package_name }}.outbox import Outbox
from {{ cookiecutter.package_name }}.routes import router
from {{ cookiecutter.package_name }}.settings import Settings
from {{ cookiecutter.package_name }}.telemetry import Telemetry, start_telemetry

__all__ = ["build_app", "create_app"]


def create_app(settings: Settings) -> FastAPI:
    """Make an app that nothing else shares anything with."""
    return build_app(settings, start_telemetry(settings.kafka_group_id))


def build_app(settings: Settings, telemetry: Telemetry) -> FastAPI:
    """Put an app together whose traces and lines go there."""
    metrics, origin = Metrics(), settings.kafka_group_id
    messages: Outbox[Message] = Outbox(settings.messages_kept)
    market_data: Outbox[MarketData] = Outbox(settings.messages_kept)
    inbox = Inbox(origin, metrics, messages, market_data, telemetry.tracer)
    broker = Broker(settings, metrics, inbox)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        broker.start()
        yield
        await broker.stop()
        telemetry.end()

    app = FastAPI(title="{{ cookiecutter.service_name }}", version=__version__, lifespan=lifespan)
    app.state.broker, app.state.metrics = broker, metrics
    app.state.messages, app.state.market_data = messages, market_data
    app.include_router(router)
    app.add_middleware(CountRequests, metrics=metrics)
    telemetry.begin(app)
    return app
