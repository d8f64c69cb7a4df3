"""A directory that grows as an archive does."""

import os


class PartialWriter:
    """Writes WAL of a source as pg_receivewal does: a `.partial` of zeros, filled in place, renamed
    when it is full. The directory already holds the complete segments before `position`."""

    def __init__(self, area, source, directory, position):
        self._area = area
        self._source = source
        self._directory = directory
        self._file = None
        self._position = position - position % source.segment_size
        self.write_to(position)

    def write_to(self, lsn, instead=None):
        """Appends up to `lsn`; `instead` maps positions to bytes that differ from the source."""
        size = self._source.segment_size
        while self._position < lsn:
            if self._file is None:
                self._open()
            stop = min(lsn, self._position - self._position % size + size)
            self._write(self._position, self._changed(self._position, stop, instead or {}))
            if stop % size == 0:
                self._finish()
            self._position = stop

    def rewrite(self, begin, end):
        """Puts the source's bytes back, inside the segment in work."""
        self._write(begin, self._source.read(1, begin, end))

    def close(self):
        if self._file is not None:
            os.close(self._file)

    def _changed(self, begin, end, instead):
        data = bytearray(self._source.read(1, begin, end))
        for lsn, replacement in instead.items():
            if begin <= lsn < end:
                data[lsn - begin:lsn - begin + len(replacement)] = replacement
        return data

    def _write(self, lsn, data):
        os.pwrite(self._file, data, lsn % self._source.segment_size)

    def _path(self):
        return os.path.join(self._directory, self._source.name(1, self._position))

    def _open(self):
        path = self._path() + ".partial"
        self._area.write_file(path, "\0" * self._source.segment_size)
        self._file = os.open(path, os.O_WRONLY)

    def _finish(self):
        os.close(self._file)
        self._file = None
        os.rename(self._path() + ".partial", self._path())
