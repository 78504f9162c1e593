"""Which seeds go together: chunks that shrink towards the end.

One shared counter hands out chunk numbers; what is in a chunk follows from its number alone, so a
rank never acts on an old state of the counter. Sizes are those of factoring (Hummel, Schonberg,
Flynn, Commun. ACM 35, 90 (1992)): each batch of one chunk a worker holds half of what is left, so
workers ask rarely at first and take single seeds at the end.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike


class ChunkSchedule:
    """Splits positions ``0 ... total-1`` into numbered chunks.

    Args:
        total: positions to hand out.
        workers: that ask for chunks.
        largest: chunk at most; a worker's unfinished chunk is lost work's upper bound in order,
            not in records, so it may be large.
    """

    def __init__(self, total: int, workers: int, largest: int = 4096) -> None:
        self.total = total
        self._sizes: list[int] = []
        self._first_chunk: list[int] = []
        self._first_position: list[int] = []
        chunk = position = 0
        while position < total:
            left = total - position
            size = min(max(left // (2 * workers), 1), largest)
            # single seeds to the end: every later batch would be one of single seeds too
            count = left if size == 1 else workers
            self._sizes.append(size)
            self._first_chunk.append(chunk)
            self._first_position.append(position)
            chunk, position = chunk + count, position + count * size
        self.chunks = chunk

    def __getitem__(self, chunk: int) -> range:
        """Positions of a chunk; none beyond the last."""
        if chunk >= self.chunks:
            return range(self.total, self.total)
        batch = bisect_right(self._first_chunk, chunk) - 1
        size = self._sizes[batch]
        begin = self._first_position[batch] + (chunk - self._first_chunk[batch]) * size
        return range(begin, min(begin + size, self.total))


class SeedRanges(Sequence[int]):
    """Ascending seed numbers as few ranges: a resumed run of a million seeds takes little memory.

    Args:
        begins: first seed of each range, ascending.
        ends: one beyond the last.
    """

    def __init__(self, begins: ArrayLike, ends: ArrayLike) -> None:
        self._begins = np.asarray(begins, dtype=np.int64)
        self._before = np.concatenate(
            [[0], np.cumsum(np.asarray(ends, dtype=np.int64) - self._begins)]
        )

    @classmethod
    def missing(cls, done: np.ndarray) -> "SeedRanges":
        """Seeds that are not marked in ``done``, shape (n,), boolean."""
        edges = np.flatnonzero(np.diff(np.concatenate([[True], done, [True]]).astype(np.int8)))
        return cls(edges[0::2], edges[1::2])

    def __len__(self) -> int:
        return int(self._before[-1])

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        """Seed at a position, which may not be negative."""
        if not 0 <= position < len(self):
            raise IndexError(position)
        row = int(np.searchsorted(self._before, position, side="right")) - 1
        return int(self._begins[row] + position - self._before[row])

    def __iter__(self) -> Iterator[int]:
        for row, begin in enumerate(self._begins.tolist()):
            yield from range(begin, begin + int(self._before[row + 1] - self._before[row]))
