"""The fixtures of the pond."""

from __future__ import annotations

from groundwork import provides

spring = provides("spring")
mill = provides("mill")
lake = provides("lake")
