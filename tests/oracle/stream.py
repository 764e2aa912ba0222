"""The seeded stream: bytes both ends of a test can make, so that a prefix can be judged too.

Blocks of 64 KiB: the same pseudo-random bytes (SHA-256 of "seed:counter"), the
first 8 of them replaced by the block's number, so that a lost or repeated
block shows. The TypeScript side has the same in `tests/kit/bytes.ts`.
"""

import hashlib
import struct

BLOCK = 65_536


class SeededStream:
    def __init__(self, seed):
        self._body = b"".join(
            hashlib.sha256(f"{seed}:{counter}".encode()).digest() for counter in range(BLOCK // 32)
        )[8:]
        self._number = 0
        self._block = b""

    def take(self, length):
        """The next `length` bytes."""
        parts = []
        while length > 0:
            if not self._block:
                self._block = struct.pack("<Q", self._number) + self._body
                self._number += 1
            part, self._block = self._block[:length], self._block[length:]
            parts.append(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
