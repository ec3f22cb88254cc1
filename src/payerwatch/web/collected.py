"""The bytes of a request that are all here, as the server's parser takes them: a piece at a time.

Put back into the parser's own buffer as a whole they would be copied again with each piece that is taken.
"""

import socket

from gunicorn.http.unreader import SocketUnreader

_NOTHING = memoryview(b"")  # an empty part of what was collected would keep all of it in memory


class Collected(SocketUnreader):
    """Gives what was collected, then what comes over the connection."""

    def __init__(self, sock: socket.socket, collected: bytearray) -> None:
        super().__init__(sock)
        self._rest = memoryview(collected)

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes: as many as are asked for, or some."""
        if not self._rest:
            return bytes(super().chunk(size_hint))
        size = max(size_hint or 0, self.mxchunk)
        piece = bytes(self._rest[:size])
        self._rest = self._rest[size:] if len(piece) < len(self._rest) else _NOTHING
        return piece

    def read(self, size: int | None = None, read_ahead: int | None = None) -> bytes:
        """As many bytes; from what was collected without a detour, which would copy them three times."""
        if size is None or not self.mxchunk <= size <= len(self._rest) or self.buf.getbuffer().nbytes:
            return bytes(super().read(size, read_ahead))
        return self.chunk(size)

    def take_buffered(self) -> bytes:
        """All that is here and not taken, which is no longer here then."""
        rest, self._rest = bytes(self._rest), _NOTHING
        return bytes(super().take_buffered()) + rest
