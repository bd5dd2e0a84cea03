"""Published objects are written once; what is too large is not read; the secret is as stored."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from functions.shared.store.objects import ObjectStore, ObjectTooLarge
from functions.shared.store.secrets import fetch_secret
from tests.support.deployment import BUCKET, SECRET, SECRET_ID, Deployment, make_bucket


@pytest.fixture
def bucket(deployment: Deployment) -> ObjectStore:
    """The files bucket, versioned and empty but for what earlier tests left under other keys."""
    assert deployment is not None
    make_bucket()
    return ObjectStore(BUCKET)


def test_an_object_is_written_once_and_never_replaced(bucket: ObjectStore) -> None:
    assert bucket.put_new("once/a.csv", b"first", content_type="text/csv")
    assert not bucket.put_new("once/a.csv", b"second", content_type="text/csv")
    found = bucket.get("once/a.csv")
    assert found is not None
    assert found.data == b"first"


def test_what_is_not_there_is_none(bucket: ObjectStore) -> None:
    assert bucket.get("none/a.csv") is None


def test_a_version_stays_readable_after_a_later_one(bucket: ObjectStore) -> None:
    for data in (b"first", b"second"):
        bucket.client.put_object(Bucket=BUCKET, Key="bills/a.csv", Body=data)
    latest = bucket.get("bills/a.csv")
    assert latest is not None
    assert latest.data == b"second"
    versions = bucket.client.list_object_versions(Bucket=BUCKET, Prefix="bills/a.csv")["Versions"]
    [first] = [entry["VersionId"] for entry in versions if entry["VersionId"] != latest.version]
    earlier = bucket.get("bills/a.csv", version=first)
    assert earlier is not None
    assert (earlier.data, earlier.version) == (b"first", first)


@pytest.mark.parametrize(("limit", "is_read"), [(5, True), (4, False), (0, False)])
def test_an_object_above_the_limit_is_not_read(
    bucket: ObjectStore, limit: int, *, is_read: bool
) -> None:
    bucket.put_new("large/a.csv", b"12345", content_type="text/csv")
    if is_read:
        assert bucket.get("large/a.csv", limit=limit) is not None
        return
    with pytest.raises(ObjectTooLarge) as refused:
        bucket.get("large/a.csv", limit=limit)
    assert refused.value.size == 5


def test_keys_come_in_order_and_only_below_the_prefix(bucket: ObjectStore) -> None:
    for key in ("keys/b", "keys/a", "keysmith/c"):
        bucket.put_new(key, b"", content_type="text/plain")
    assert list(bucket.keys("keys/")) == ["keys/a", "keys/b"]
    assert list(bucket.keys("nothing/")) == []


def test_a_missing_bucket_is_no_missing_object(bucket: ObjectStore) -> None:
    assert bucket is not None
    with pytest.raises(ClientError, match="NoSuchBucket"):
        ObjectStore("no-such-bucket").get("a")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        ObjectStore("no-such-bucket").put_new("a", b"", content_type="text/plain")


@pytest.mark.usefixtures("deployment")
def test_the_secret_is_as_it_is_stored() -> None:
    assert fetch_secret(SECRET_ID) == SECRET


@pytest.mark.parametrize("is_honoured", [True, False])
def test_a_span_is_fetched_though_the_server_may_give_all(
    bucket: ObjectStore, tmp_path: Path, *, is_honoured: bool
) -> None:
    data = b"".join(b"%09d\n" % number for number in range(250_000))
    bucket.client.put_object(Bucket=BUCKET, Key="spans/a.csv", Body=data)
    if not is_honoured:
        events = bucket.client.meta.events
        events.register(
            "before-parameter-build.s3.GetObject", lambda params, **_: params.pop("Range", None)
        )
    for start, stop in [(0, 1), (0, len(data)), (1_048_570, 1_048_580), (7, 2_200_001)]:
        path = tmp_path / "span"
        fetched = bucket.fetch("spans/a.csv", path, span=(start, stop))
        assert fetched is not None
        assert path.read_bytes() == data[start:stop]
        assert fetched.sha256 == hashlib.sha256(data[start:stop]).hexdigest()
        found = bucket.facts("spans/a.csv", version=fetched.version)
        assert found is not None
        assert (found.size, found.version) == (len(data), fetched.version)
    assert bucket.facts("spans/none.csv") is None
    assert bucket.fetch("spans/none.csv", path) is None
    assert not path.exists()
