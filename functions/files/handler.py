"""The files function: links for bills and for what was published."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.files.messages import (
    BillBody,
    BillUploadAnswer,
    DayFilesAnswer,
    FilesQuery,
    day_files_answer,
    upload_answer,
)
from functions.files.service import FileService
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.settings import settings
from functions.shared.store.callers import platform_of_role
from functions.shared.store.connection import Database
from functions.shared.store.objects import ObjectStore


@cache
def _database() -> Database:
    return Database(settings().table_prefix)


@cache
def _service() -> FileService:
    return FileService(ObjectStore(settings().files_bucket))


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _database.cache_clear()
    _service.cache_clear()
    app.platforms.forget()


app = App("files", find_platform=lambda arn: platform_of_role(_database(), arn))


@app.operation("upload_bill", body=BillBody, gives={200: BillUploadAnswer})
def upload_bill(request: Request[BillBody]) -> Answer:
    """A link to hand in the bill of a business date / 获取某日账单的上传链接。"""
    body = request.body
    upload = _service().upload_bill(
        request.platform_id,
        body.business_on,
        size=body.bytes,
        sha256=body.sha256,
        part_sha256=body.part_sha256,
        now=request.now,
    )
    return Answer(200, upload_answer(upload))


@app.operation("list_files", query=FilesQuery, gives={200: DayFilesAnswer})
def list_files(request: Request[None, FilesQuery]) -> Answer:
    """Your settlement and reconciliation files of a business date / 某日的结算与对账文件。"""
    query = request.query
    found = _service().files_of(
        request.platform_id, query.business_on, request.now, after=query.after or ""
    )
    return Answer(200, day_files_answer(request.query, found))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point."""
    return app.handle(event, context)
