"""A campaign document from a file, checked as the API would check it."""

from __future__ import annotations

from typing import Any

from functions.shared.domain.campaign import Campaign
from functions.shared.domain.campaign_checks import check_campaign
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.campaign_document import CampaignDocument
from functions.shared.edge.languages import Language
from functions.shared.edge.problems import problem_document
from functions.shared.edge.strict_json import parse
from functions.shared.edge.validation import validated_body


class DocumentRefused(Exception):
    """The document could not be published as it stands.

    Args:
        faults: place, English and Chinese of each; the place is a JSON Pointer, or empty.

    """

    def __init__(self, faults: list[tuple[str, str, str]]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def read_campaign(data: bytes) -> Campaign:
    """The campaign that the file describes.

    Raises:
        DocumentRefused: with every fault that the API would name.

    """
    try:
        document = parse(data)
        validated_body(CampaignDocument, data, document)
        campaign = campaign_from_document(document)
    except HuiminError as error:
        raise DocumentRefused(_faults(error)) from None
    findings = check_campaign(campaign)
    if findings:
        raise DocumentRefused([(f.pointer, f.en, f.zh) for f in findings])
    return campaign


def _faults(error: HuiminError) -> list[tuple[str, str, str]]:
    errors: Any = error.context.get("errors")
    if error.code in {Code.INVALID_FIELDS, Code.CAMPAIGN_INVALID} and errors:
        return [(fault.get("pointer", ""), fault["en"], fault["zh"]) for fault in errors]
    english, chinese = (
        problem_document(error, language=language, instance="", request_id="")["detail"]
        for language in (Language.EN, Language.ZH)
    )
    return [("", english, chinese)]
