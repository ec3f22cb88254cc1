"""Things whose public id is one of their numbers behind a prefix: `map_12`."""

from typing import Any, ClassVar


class Numbered:
    """`with_id` for a resource of such things. To be named before `Resource`."""

    prefix: ClassVar[str]
    numbered_by: ClassVar[str] = "pk"

    def with_id(self: Any, public_id: str) -> Any:
        """The thing of this id, of this customer alone, or None."""
        prefix, _, number = public_id.partition("_")
        known = prefix == self.prefix and number.isdecimal()
        return self.get_queryset().filter(**{self.numbered_by: int(number)}).first() if known else None
