"""The HTTP interface."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response, status
from prometheus_client.exposition import choose_encoder

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.broker import Broker, BrokerUnavailableError
from {{ cookiecutter.package_name }}.market_data import MarketData, Tick
from {{ cookiecutter.package_name }}.messages import Draft, Message
from {{ cookiecutter.package_name }}.metrics import Metrics
from {{ cookiecutter.package_name }}.outbox import Outbox
from {{ cookiecutter.package_name }}.records import Entry

__all__ = ["router"]

NAME_LENGTH_MAX = 64
NOT_SEEN = "not seen (yet)"

router = APIRouter()


def get_broker(request: Request) -> Broker:
    """The app's broker."""
    broker: Broker = request.app.state.broker
    return broker


def get_messages(request: Request) -> Outbox[Message]:
    """Messages that came back."""
    outbox: Outbox[Message] = request.app.state.messages
    return outbox


def get_market_data(request: Request) -> Outbox[MarketData]:
    """Market data that came back."""
    outbox: Outbox[MarketData] = request.app.state.market_data
    return outbox


def get_metrics(request: Request) -> Metrics:
    """The app's metrics."""
    metrics: Metrics = request.app.state.metrics
    return metrics


@router.get("/health")
async def health() -> dict[str, str]:
    """The process lives and answers."""
    return {"status": "ok", "version": __version__}


@router.get("/ready")
async def ready(
    response: Response, broker: Annotated[Broker, Depends(get_broker)]
) -> dict[str, str]:
    """The broker answered within the last interval; else 503 and the reason."""
    if broker.problem:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return {"status": "not ready", "reason": broker.problem}
    return {"status": "ready"}


@router.get("/metrics")
async def show_metrics(
    request: Request, metrics: Annotated[Metrics, Depends(get_metrics)]
) -> Response:
    """OpenMetrics, with exemplars, for whoever asks for it; else Prometheus' text format."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(metrics.registry), media_type=content_type)


@router.get("/hello/{name}")
async def hello(name: Annotated[str, Path(max_length=NAME_LENGTH_MAX)]) -> dict[str, str]:
    """A greeting."""
    return {"message": f"Hello, {name}!"}


@router.post("/messages", status_code=status.HTTP_202_ACCEPTED)
async def post_message(draft: Draft, broker: Annotated[Broker, Depends(get_broker)]) -> Message:
    """Publish a message; it can be read here as soon as it has come back through the broker."""
    message = Message(text=draft.text)
    await publish(broker, message)
    return message


@router.get("/messages/{message_id}")
async def find_message(
    message_id: uuid.UUID, outbox: Annotated[Outbox[Message], Depends(get_messages)]
) -> Message:
    """A message that has come back; 404 until then."""
    message = outbox.find(message_id)
    if message is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, NOT_SEEN)
    return message


@router.post("/market-data", status_code=status.HTTP_202_ACCEPTED)
async def post_market_data(
    tick: Tick, broker: Annotated[Broker, Depends(get_broker)]
) -> MarketData:
    """Publish a price; it is processed when it has come back through the broker."""
    market_data = MarketData(symbol=tick.symbol, price=tick.price)
    await publish(broker, market_data)
    return market_data


@router.get("/market-data/{market_data_id}")
async def find_market_data(
    market_data_id: uuid.UUID, outbox: Annotated[Outbox[MarketData], Depends(get_market_data)]
) -> MarketData:
    """Market data that has been processed; 404 until then."""
    market_data = outbox.find(market_data_id)
    if market_data is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, NOT_SEEN)
    return market_data


async def publish(broker: Broker, entry: Entry) -> None:
    """Publish, or have 503 answered with the reason."""
    try:
        await broker.publish(entry)
    except BrokerUnavailableError as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)) from error
