"""Sets of files: each as its manifest says, and none that no manifest names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from functions.shared.files.manifest import FILE_NAME, Manifest, ManifestError, verify
from infra.audit.findings import Finding, Kind
from infra.audit.sources import Source

# What platforms put in; intake's own records say what became of it.
_INCOMING = "bills/"
_BILL_REPORT = "/bill-report-v"


class Sets:
    """Every set by its folder, with the manifest that was found there.

    Args:
        source: the files.
        track: passes an iterable on, showing how far it is.

    """

    def __init__(self, source: Source, track: Callable[[Sequence[str]], Iterable[str]]) -> None:
        self._source = source
        self._track = track
        self.manifests: dict[str, Manifest] = {}
        self.keys: list[str] = list(source.keys())
        self.files = 0

    def _read(self, prefix: str, name: str) -> Iterator[bytes]:
        return self._source.parts(prefix + name)

    def check(self) -> Iterator[Finding]:
        """What is wrong with sets as such; fills `manifests`."""
        named: set[str] = set()
        manifests = [key for key in self.keys if key.rpartition("/")[2] == FILE_NAME]
        for key in self._track(manifests):
            prefix = key.removesuffix(FILE_NAME)
            named.add(key)
            try:
                manifest = Manifest.from_bytes(self._source.read(key))
            except ManifestError as error:
                yield Finding(Kind.MANIFEST, key, str(error))
                continue
            self.manifests[prefix] = manifest
            self.files += len(manifest.files)
            named |= {prefix + entry.name for entry in manifest.files}
            for finding in verify(manifest, partial(self._read, prefix)):
                where = prefix + finding.name
                yield Finding(Kind.FILE, where, f"{finding.kind}: {finding.detail}")
        for key in self.keys:
            is_incoming = key.startswith(_INCOMING) or _BILL_REPORT in key
            if key not in named and not is_incoming:
                yield Finding(Kind.STRAY, key, "no manifest names it")
