"""A library that takes long to load and that few commands need, loaded when something of it is first used.

    from payerwatch.late import polars as pl

Modules that use it leave their annotations unevaluated (`from __future__ import annotations`), else it would be needed
at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars
else:

    class _Late:
        """Stands for a library; the interpreter sees to it that threads load it once."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            return getattr(import_module(self._name), name)

    polars = _Late("polars")

__all__ = ["polars"]
