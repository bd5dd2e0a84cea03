"""The files bucket: what is published is written once and never replaced."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

_PART: Final = 1024 * 1024
_PARTIAL: Final = 206
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})
_EXISTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes, the version they are, and when that version was written (aware)."""

    data: bytes
    version: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """An object that was written to a file: its bytes' SHA-256, its version and time (aware)."""

    sha256: str
    version: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """An object that was only looked at: its size, its version, and when that came (aware)."""

    size: int
    version: str
    written_at: datetime


class UploadLink(NamedTuple):
    """A link that takes one object, and the headers that must be sent with it."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartLinks:
    """Links that take an object in parts, and the one that makes an object of them.

    Args:
        parts: a PUT each, in order; every answer has an ETag.
        complete_url: takes one POST of S3's `CompleteMultipartUpload` with all ETags and hashes.

    """

    parts: tuple[UploadLink, ...]
    complete_url: str


class ObjectTooLarge(Exception):
    """The object is larger than the reader takes.

    Args:
        size: its size in bytes.

    """

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


class ObjectStore:
    """One bucket. A client is made on first use.

    Args:
        bucket: its name.

    """

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._made: Any = None

    @property
    def client(self) -> Any:  # noqa: ANN401 - boto3 clients have no static type
        """The boto3 client, for fault injection in tests."""
        if self._made is None:
            config = Config(
                connect_timeout=2,
                read_timeout=20,
                retries={"max_attempts": 3},
                # Links of the older signature are refused where objects are encrypted with a key.
                signature_version="s3v4",
            )
            self._made = boto3.client("s3", config=config)
        return self._made

    def put_new(self, key: str, data: bytes | BinaryIO, *, content_type: str) -> bool:
        """Writes the object unless there is one of that key; False when there was.

        What is there already may differ; a caller that must know reads it.

        Args:
            key: of the object.
            data: its bytes, or a file of them, at most 5 GB.
            content_type: of the object.

        """
        try:
            self.client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _EXISTS:
                return False
            raise
        return True

    def put(self, key: str, data: bytes | BinaryIO, *, content_type: str) -> None:
        """Writes the object, also over another of that key: for working files, not published ones.

        Args:
            key: of the object.
            data: its bytes, or a file of them, at most 5 GB.
            content_type: of the object.

        """
        self.client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

    def get(
        self, key: str, *, version: str | None = None, limit: int | None = None
    ) -> StoredObject | None:
        """The object (perhaps of that version), or None when there is none.

        Raises:
            ObjectTooLarge: it has more than `limit` bytes; nothing is read.

        """
        answer = self._answer(key, version, limit)
        if answer is None:
            return None
        return StoredObject(
            data=answer["Body"].read(),
            version=answer.get("VersionId") or "null",
            written_at=answer["LastModified"],
        )

    def fetch(
        self,
        key: str,
        path: Path,
        *,
        version: str | None = None,
        limit: int | None = None,
        span: tuple[int, int] | None = None,
    ) -> FetchedObject | None:
        """Writes the object's bytes to a file, never holding them all; None when there is none.

        Args:
            key: of the object.
            path: of the file.
            version: of the object; None for the newest.
            limit: the most bytes that are read.
            span: from which byte, and up to before which; None for all. There is one at least.

        Raises:
            ObjectTooLarge: it has more than `limit` bytes; nothing is read.

        """
        with path.open("wb") as file:
            fetched = self._read(key, version, limit, span, file.write)
        if fetched is None:
            path.unlink()
        return fetched

    def _read(
        self,
        key: str,
        version: str | None,
        limit: int | None,
        span: tuple[int, int] | None,
        each: Callable[[bytes], object],
    ) -> FetchedObject | None:
        answer = self._answer(key, version, limit, span)
        if answer is None:
            return None
        digest = hashlib.sha256()
        parts = answer["Body"].iter_chunks(_PART)
        if span is not None and answer["ResponseMetadata"]["HTTPStatusCode"] != _PARTIAL:
            # Whoever serves it may give all of it instead (RFC 9110).
            parts = _within(parts, *span)
        for part in parts:
            digest.update(part)
            each(part)
        return FetchedObject(
            sha256=digest.hexdigest(),
            version=answer.get("VersionId") or "null",
            written_at=answer["LastModified"],
        )

    def facts(self, key: str, *, version: str | None = None) -> ObjectFacts | None:
        """What the object is (perhaps of that version); None when there is none."""
        which = {"VersionId": version} if version else {}
        try:
            answer = self.client.head_object(Bucket=self._bucket, Key=key, **which)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise
        return ObjectFacts(
            size=answer["ContentLength"],
            version=answer.get("VersionId") or "null",
            written_at=answer["LastModified"],
        )

    def sha256(
        self,
        key: str,
        *,
        version: str | None = None,
        each: Callable[[bytes], object] = lambda _: None,
    ) -> str | None:
        """The SHA-256 of the object's bytes, hexadecimal; None when there is no object.

        Args:
            key: of the object.
            version: of the object; None for the newest.
            each: is given all bytes, in order.

        """
        fetched = self._read(key, version, None, None, each)
        return fetched.sha256 if fetched else None

    def _answer(
        self,
        key: str,
        version: str | None,
        limit: int | None,
        span: tuple[int, int] | None = None,
    ) -> Any:  # noqa: ANN401 - boto3's
        which = {"VersionId": version} if version else {}
        if span is not None:
            which["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        try:
            answer = self.client.get_object(Bucket=self._bucket, Key=key, **which)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise
        if limit is not None and answer["ContentLength"] > limit:
            answer["Body"].close()
            raise ObjectTooLarge(answer["ContentLength"])
        return answer

    def upload_link(
        self, key: str, *, size: int, sha256: str, content_type: str, lifetime: timedelta
    ) -> UploadLink:
        """A link that takes one PUT of exactly those bytes.

        Size and hash are signed, so that S3 refuses any others; a locked bucket asks for the hash.

        Args:
            key: of the object.
            size: in bytes.
            sha256: of the bytes, hexadecimal.
            content_type: of the object.
            lifetime: how long the link is good, as long as the role's own credentials are.

        """
        return self._link_of("put_object", key, size, sha256, lifetime, ContentType=content_type)

    def part_links(
        self,
        key: str,
        parts: Sequence[tuple[int, str]],
        *,
        content_type: str,
        lifetime: timedelta,
    ) -> PartLinks:
        """Links that take exactly those parts, of a new upload.

        An upload that nobody completes is thrown away by the bucket after some days.

        Args:
            key: of the object.
            parts: size in bytes and SHA-256, hexadecimal, of each; all but the last 5 MiB at least.
            content_type: of the object.
            lifetime: how long the links are good, as long as the role's own credentials are.

        """
        begun = self.client.create_multipart_upload(
            Bucket=self._bucket, Key=key, ContentType=content_type, ChecksumAlgorithm="SHA256"
        )
        upload_id = begun["UploadId"]
        links = tuple(
            self._link_of(
                "upload_part", key, size, sha256, lifetime, UploadId=upload_id, PartNumber=number
            )
            for number, (size, sha256) in enumerate(parts, 1)
        )
        complete_url: str = self.client.generate_presigned_url(
            "complete_multipart_upload",
            Params={"Bucket": self._bucket, "Key": key, "UploadId": upload_id},
            ExpiresIn=int(lifetime.total_seconds()),
        )
        return PartLinks(links, complete_url)

    def _link_of(
        self,
        operation: str,
        key: str,
        size: int,
        sha256: str,
        lifetime: timedelta,
        **more: object,
    ) -> UploadLink:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        url = self.client.generate_presigned_url(
            operation,
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ContentLength": size,
                "ChecksumSHA256": checksum,
                **more,
            },
            ExpiresIn=int(lifetime.total_seconds()),
        )
        headers = {"Content-Length": str(size), "x-amz-checksum-sha256": checksum}
        if "ContentType" in more:
            headers["Content-Type"] = str(more["ContentType"])
        return UploadLink(url, headers)

    def download_link(self, key: str, *, lifetime: timedelta) -> str:
        """A link that gives the object's bytes to whoever has it, for that long."""
        url: str = self.client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key},
            ExpiresIn=int(lifetime.total_seconds()),
        )
        return url

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with the prefix, in order."""
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                yield entry["Key"]


def _within(parts: Iterable[bytes], start: int, stop: int) -> Iterator[bytes]:
    """The bytes from start to before stop of what all parts are together."""
    place = 0
    for part in parts:
        yield part[max(start - place, 0) : max(stop - place, 0)]
        place += len(part)
