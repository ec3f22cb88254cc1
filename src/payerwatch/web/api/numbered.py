"""Things whose public id is a number behind a prefix: `map_12`."""

from typing import Any, ClassVar


class Numbered:
    """`with_id` for a resource of such things. To be named before `Resource`."""

    prefix: ClassVar[str]

    def with_id(self: Any, public_id: str) -> Any:
        """The thing of this id, of this customer alone, or None."""
        prefix, _, number = public_id.partition("_")
        known = prefix == self.prefix and number.isdecimal()
        return self.get_queryset().filter(pk=int(number)).first() if known else None
