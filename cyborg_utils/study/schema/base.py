"""Base class and value types of the configuration schema."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

HOLISTIC = "holistic"  # the score of the whole essay, next to those of traits
NAME = r"^[a-z0-9][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class ParameterError(ValueError):
    """A study's parameters are invalid; the message says what is, and the remedy."""


class Strict(BaseModel):
    """A section of a study: no unknown key, no value of another type, immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
