"""Records, as they lie on the topic: whose they are, and what they carry."""

from collections.abc import Iterable

from pydantic import ValidationError

from {{ cookiecutter.package_name }}.market_data import MarketData
from {{ cookiecutter.package_name }}.messages import Message

__all__ = ["Entry", "Headers", "decode", "encode"]

Headers = Iterable[tuple[str, bytes]]
Entry = Message | MarketData

# The header that tells whose record it is: several services share a topic.
ORIGIN = "origin"

# The header that tells what lies in the value. Messages have none: they were there before it.
KIND = "kind"
MARKET_DATA = b"market-data"
MODELS: dict[bytes | None, type[Message | MarketData]] = {None: Message, MARKET_DATA: MarketData}


def encode(entry: Entry, origin: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers of the record that carries a message or market data."""
    headers = [(ORIGIN, origin.encode())]
    if isinstance(entry, MarketData):
        headers.append((KIND, MARKET_DATA))
    return entry.id.bytes, entry.model_dump_json().encode(), headers


def decode(value: bytes | None, headers: Headers, origin: str) -> Entry | None:
    """What a record carries; None where it is somebody else's or makes no sense."""
    told = dict(headers)
    model = MODELS.get(told.get(KIND))
    if value is None or model is None or told.get(ORIGIN) != origin.encode():
        return None
    try:
        return model.model_validate_json(value)
    except ValidationError:
        return None
