"""The two ways in which a release does not come about."""


class ReleaseRefused(Exception):
    """Nothing was begun, and the words say why."""


class Trouble(Exception):
    """The build is no good, and the words say why."""
