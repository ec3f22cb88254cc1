"""Libraries that take long to load and that few commands need, loaded when something of them is first used.

    from payerwatch.late import polars as pl

Modules that use them leave their annotations unevaluated (`from __future__ import annotations`) and name kinds of
arrays in quotes, else they would be needed at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    import polars
    import scipy
else:

    class _Late:
        """Stands for a library; the interpreter sees to it that threads load it once."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            """Asked once for each name, which is kept."""
            found = self.__dict__[name] = getattr(import_module(self._name), name)
            return found

    numpy = _Late("numpy")
    polars = _Late("polars")
    scipy = _Late("scipy")

__all__ = ["numpy", "polars", "scipy"]
