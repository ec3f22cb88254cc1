"""The ways in which a release does not come about."""


class ReleaseRefused(Exception):
    """Nothing was begun, and the words say why."""


class Trouble(Exception):
    """The build is no good, and the words say why."""


class NotRehearsed(Trouble):
    """Whether the build is any good cannot be found out, and the words say why: it is not used either."""
