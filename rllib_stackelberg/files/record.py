"""What every model of a file shares: nothing is converted, and sizes are bounded."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sum = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


Finite = Annotated[float, Field(allow_inf_nan=False)]


Count = Annotated[int, Field(ge=0)]


Text = Annotated[str, Field(max_length=10_000)]


class Record(BaseModel):
    """Of a file that a run has written: types are what they are, nothing is converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
