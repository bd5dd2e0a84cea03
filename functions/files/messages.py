"""What handing in a bill and fetching files takes and gives."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from functions.files.service import BillUpload, DayFiles, FileSet, LinkedFile
from functions.shared.domain.bills import BILL_PART_BYTES, MAX_BILL_BYTES
from functions.shared.edge.fields import (
    AnswerModel,
    BusinessDate,
    Instant,
    QueryModel,
    RequestModel,
    Slug,
)

MAX_BILL_PARTS = -(-MAX_BILL_BYTES // BILL_PART_BYTES)

Sha256 = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{64}$",
        description="SHA-256 of the file's bytes, hexadecimal / 文件的 SHA-256（十六进制）",
        examples=["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ),
]
Link = Annotated[
    str,
    Field(
        description="A link for one object, good for a quarter of an hour / 限时链接",
        examples=["https://huimin-files.s3.cn-north-1.amazonaws.com.cn/…"],
    ),
]
AfterSet = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}/(?:v[1-9][0-9]{0,5}|payout-[0-9]{4,9})$",
        description=(
            "`next_after` of the answer before: the sets that follow / "
            "上一次返回的 next_after，用于获取其后的文件组"
        ),
        examples=["spring-2026/v1"],
    ),
]
Bytes = Annotated[int, Field(ge=0, description="Bytes / 字节数", examples=[1_024])]


class BillBody(RequestModel):
    """The bill that will be put: its business date, its size and its hash."""

    business_on: BusinessDate
    bytes: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_BILL_BYTES,
            description="Size of the file / 文件大小（字节）",
            examples=[1_024],
        ),
    ]
    sha256: Sha256
    part_sha256: Annotated[
        list[Sha256],
        Field(
            default_factory=list,
            max_length=MAX_BILL_PARTS,
            description=(
                f"Of a file of more than {BILL_PART_BYTES} bytes: SHA-256 of each part of so many, "
                f"the last one shorter / 超过 {BILL_PART_BYTES} 字节的文件：各分段的 SHA-256"
            ),
        ),
    ]


class BillPartAnswer(AnswerModel):
    """One PUT of exactly the part's bytes to `url`, with `headers`; keep the answer's ETag."""

    number: Annotated[int, Field(ge=1, description="Part number / 分段序号", examples=[1])]
    url: Link
    headers: Annotated[
        dict[str, str],
        Field(
            description="To be sent as they stand / 须原样发送的请求头",
            examples=[{"Content-Length": "1073741824"}],
        ),
    ]


class BillUploadAnswer(AnswerModel):
    """One PUT of exactly those bytes to `url`, with `headers`, hands the bill in.

    Of a bill in parts, each is put by its own link, and a POST to `complete_url` hands it in.
    """

    object_key: Annotated[
        str,
        Field(
            description="What the file becomes / 文件存放位置",
            examples=["bills/unionpay/2026-01-03/e3b0c44298fc1c14.csv"],
        ),
    ]
    method: Annotated[str, Field(description="Always PUT", examples=["PUT"])]
    url: Annotated[
        str | None,
        Field(
            description="A link for the whole file; null for a file in parts / 整体上传链接",
            examples=["https://huimin-files.s3.cn-north-1.amazonaws.com.cn/…"],
        ),
    ]
    headers: Annotated[
        dict[str, str],
        Field(
            description="To be sent as they stand / 须原样发送的请求头",
            examples=[{"Content-Type": "text/csv"}],
        ),
    ]
    parts: Annotated[
        list[BillPartAnswer],
        Field(description="Of a file in parts, in order / 各分段的上传链接", examples=[[]]),
    ]
    complete_url: Annotated[
        str | None,
        Field(
            description=(
                "Takes the POST of S3's CompleteMultipartUpload, with each part's ETag and "
                "SHA-256; null for a whole file / 全部分段上传后以 POST 完成"
            ),
            examples=[None],
        ),
    ]
    expires_at: Instant


class FilesQuery(QueryModel):
    """Which business date's files, and which of them."""

    business_on: BusinessDate
    after: AfterSet | None = None


class FileAnswer(AnswerModel):
    """A file of a set, as its manifest describes it."""

    name: Annotated[str, Field(description="Within its set / 文件名", examples=["statement.csv"])]
    bytes: Bytes
    rows: Annotated[int, Field(ge=0, description="Data rows / 数据行数", examples=[3])]
    totals_fen: Annotated[
        dict[str, int],
        Field(description="Sums by column / 各金额列合计（分）", examples=[{"fiscal_fen": 4_000}]),
    ]
    sha256: Sha256
    url: Link


class FileSetAnswer(AnswerModel):
    """The files of one campaign's settlement, of which a later version restates the match.

    Or of a payout, whose last date it is.
    """

    campaign_id: Slug
    kind: Annotated[
        str,
        Field(
            description="settlement or payout / settlement 为结算，payout 为付款",
            examples=["settlement"],
        ),
    ]
    version: Annotated[
        int,
        Field(ge=1, description="Version, or the payout's number / 版本或付款序号", examples=[1]),
    ]
    supersedes: Annotated[
        str | None, Field(description="The run that it restates / 所更正的批次", examples=[None])
    ]
    reason: Annotated[
        str | None, Field(description="What changed, and why / 更正内容与原因", examples=[None])
    ]
    files: list[FileAnswer]


class BillReportAnswer(AnswerModel):
    """The report on a bill that was refused whole."""

    name: Annotated[str, Field(description="File name / 文件名", examples=["bill-report-v1.json"])]
    url: Link


class DayFilesAnswer(AnswerModel):
    """What was published for you and the business date; `next_after` is null where it is all."""

    business_on: BusinessDate
    sets: list[FileSetAnswer]
    bill_reports: list[BillReportAnswer]
    expires_at: Instant
    next_after: AfterSet | None


def upload_answer(upload: BillUpload) -> BillUploadAnswer:
    """How a bill is put."""
    whole = upload.parts[0] if upload.complete_url is None else None
    parts = () if whole else upload.parts
    return BillUploadAnswer(
        object_key=upload.object_key,
        method="PUT",
        url=whole.url if whole else None,
        headers=whole.headers if whole else {},
        parts=[
            BillPartAnswer(number=number, url=part.url, headers=part.headers)
            for number, part in enumerate(parts, 1)
        ],
        complete_url=upload.complete_url,
        expires_at=upload.expires_at,
    )


def day_files_answer(query: FilesQuery, found: DayFiles) -> DayFilesAnswer:
    """What there is of a day."""
    return DayFilesAnswer(
        business_on=query.business_on,
        sets=[_set_answer(each) for each in found.sets],
        bill_reports=[BillReportAnswer(name=r.name, url=r.url) for r in found.bill_reports],
        expires_at=found.expires_at,
        next_after=found.next_after,
    )


def _set_answer(files: FileSet) -> FileSetAnswer:
    campaign_id, name = files.folder.rstrip("/").split("/")[-2:]
    return FileSetAnswer(
        campaign_id=campaign_id,
        kind=files.manifest.kind,
        version=int(name.removeprefix("v").removeprefix("payout-")),
        supersedes=files.manifest.supersedes,
        reason=files.manifest.reason,
        files=[_file_answer(each) for each in files.files],
    )


def _file_answer(file: LinkedFile) -> FileAnswer:
    entry = file.entry
    assert entry is not None, file.name  # noqa: S101 - a set's files are its manifest's
    return FileAnswer(
        name=file.name,
        bytes=entry.bytes,
        rows=entry.rows,
        totals_fen=dict(entry.totals),
        sha256=entry.sha256,
        url=file.url,
    )
