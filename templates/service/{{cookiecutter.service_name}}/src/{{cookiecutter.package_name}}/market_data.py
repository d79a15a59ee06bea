"""Market data: the price of a symbol, as HTTP shows it and as it lies on the topic."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MarketData", "Tick"]

# As exchanges write them (BRK.B, BTC/USD), and short: a symbol becomes a label of metrics.
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9./-]{0,15}$")]
Price = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Tick(BaseModel):
    """What a client posts."""

    symbol: Symbol
    price: Price


class MarketData(BaseModel):
    """A tick with what the service adds to it."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    symbol: Symbol
    price: Price
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
