"""The HTTP interface."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response, status
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.broker import Broker, BrokerUnavailableError
from {{ cookiecutter.package_name }}.messages import Draft, Message, Outbox
from {{ cookiecutter.package_name }}.metrics import Metrics

__all__ = ["router"]

NAME_LENGTH_MAX = 64

router = APIRouter()


def get_broker(request: Request) -> Broker:
    """The app's broker."""
    broker: Broker = request.app.state.broker
    return broker


def get_outbox(request: Request) -> Outbox:
    """What came back."""
    outbox: Outbox = request.app.state.outbox
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
async def show_metrics(metrics: Annotated[Metrics, Depends(get_metrics)]) -> Response:
    """Prometheus text format."""
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/hello/{name}")
async def hello(name: Annotated[str, Path(max_length=NAME_LENGTH_MAX)]) -> dict[str, str]:
    """A greeting."""
    return {"message": f"Hello, {name}!"}


@router.post("/messages", status_code=status.HTTP_202_ACCEPTED)
async def post_message(draft: Draft, broker: Annotated[Broker, Depends(get_broker)]) -> Message:
    """Publish a message; it can be read here as soon as it has come back through the broker."""
    message = Message(text=draft.text)
    try:
        await broker.publish(message)
    except BrokerUnavailableError as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)) from error
    return message


@router.get("/messages/{message_id}")
async def get_message(
    message_id: uuid.UUID, outbox: Annotated[Outbox, Depends(get_outbox)]
) -> Message:
    """A message that has come back; 404 until then."""
    message = outbox.find(message_id)
    if message is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "not seen (yet)")
    return message
