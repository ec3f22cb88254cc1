"""What every refusal is made of: a message that says what, where and how to fix it, and a code."""

import re


class Refused(Exception):
    """What was asked cannot be done. The message is for the person who asked."""

    @property
    def code(self) -> str:
        """The class's name in snake case: `UploadAlreadyLoaded` -> `upload_already_loaded`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
