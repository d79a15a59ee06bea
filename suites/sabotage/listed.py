"""The list: what operators have got wrong, one injection each."""

from __future__ import annotations

from suites.sabotage.listed_behaviour import CAUSE, CHAIN, EXPOSURE, KEEPER, RECORDS, SERIES
from suites.sabotage.listed_cluster import ALTERED, EDITED
from suites.sabotage.listed_settings import DECLARATIONS, EFFECTIVE, PRODUCTION

__all__ = ["INJECTIONS"]

# Edits first, which need no servers; what spoils the environment last.
INJECTIONS = (
    *EDITED,
    *ALTERED,
    *DECLARATIONS,
    *PRODUCTION,
    *EFFECTIVE,
    *CHAIN,
    *SERIES,
    *RECORDS,
    *EXPOSURE,
    *CAUSE,
    *KEEPER,
)
