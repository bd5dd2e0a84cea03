"""Platforms, the roles they call with, and merchants with dated facts."""

from __future__ import annotations

from datetime import date, datetime

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.registry import Merchant, Platform
from functions.shared.store.connection import Database
from functions.shared.store.tables import CallerItem, MerchantItem, PlatformItem
from functions.shared.store.transaction import Cancelled


class RegistryStore:
    """Platforms by id; merchants by id and date."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def platform(self, platform_id: str) -> Platform | None:
        """The platform; None when there is none."""
        item = self._database.get(PlatformItem, platform_id)
        return _platform(item) if item else None

    def put_platform(
        self, platform: Platform, *, expected_version: int | None, now: datetime
    ) -> Platform:
        """Stores a platform and its role together; a role is never two platforms.

        The same facts sent again by the same person are answered with what is stored.

        Raises:
            HuiminError: VERSION_MISMATCH, ROLE_TAKEN (another platform calls with that role).

        """
        stored = self.platform(platform.platform_id)
        if stored == platform:
            return platform
        transaction = self._database.transaction("put_platform")
        transaction.put(
            "platform",
            PlatformItem(
                platform.platform_id,
                version=platform.version,
                name=platform.name,
                role_arn=platform.role_arn,
                active=platform.active,
                made_by=platform.made_by,
                made_at=now,
            ),
            PlatformItem.platform_id.does_not_exist()
            if expected_version is None
            else PlatformItem.version == expected_version,
        )
        transaction.put(
            "caller",
            CallerItem(platform.role_arn, platform_id=platform.platform_id, active=platform.active),
            CallerItem.role_arn.does_not_exist() | (CallerItem.platform_id == platform.platform_id),
        )
        if stored is not None and stored.role_arn != platform.role_arn:
            # The old role must stop being this platform in the same instant.
            transaction.put(
                "old caller",
                CallerItem(stored.role_arn, platform_id=platform.platform_id, active=False),
                CallerItem.platform_id == platform.platform_id,
            )
        try:
            transaction.commit()
        except Cancelled as cancelled:
            if cancelled.failed("platform"):
                item = cancelled.old("platform", PlatformItem)
                if item is not None and _platform(item) == platform:
                    return platform
                version = item.version if item else 0
                raise HuiminError(Code.VERSION_MISMATCH, stored_version=version) from cancelled
            raise HuiminError(Code.ROLE_TAKEN) from cancelled
        return platform

    def merchant(self, merchant_id: str, *, on: date) -> Merchant | None:
        """The merchant's facts as of a business date; None before its first."""
        for item in self._database.query(
            MerchantItem,
            merchant_id,
            MerchantItem.effective_on <= on.isoformat(),
            newest_first=True,
            limit=1,
        ):
            return _merchant(item)
        return None

    def merchant_history(self, merchant_id: str) -> list[Merchant]:
        """All facts of a merchant, by the date from which they count."""
        return [_merchant(item) for item in self._database.query(MerchantItem, merchant_id)]

    def put_merchant(self, merchant: Merchant, *, now: datetime) -> bool:
        """Stores facts from a date on; False when just these are stored already.

        Raises:
            HuiminError: MERCHANT_DATED when other facts are stored for that very date.

        """
        item = MerchantItem(
            merchant.merchant_id,
            merchant.effective_on.isoformat(),
            name=merchant.name,
            credit_code=merchant.credit_code,
            industry=merchant.industry,
            size_class=merchant.size_class,
            district=merchant.district,
            active=merchant.active,
            made_by=merchant.made_by,
            made_at=now,
        )
        transaction = self._database.transaction("put_merchant")
        transaction.put("merchant", item, MerchantItem.effective_on.does_not_exist())
        try:
            transaction.commit()
        except Cancelled as cancelled:
            stored = cancelled.old("merchant", MerchantItem)
            if stored is not None and _merchant(stored) == merchant:
                return False
            raise HuiminError(
                Code.MERCHANT_DATED, effective_on=merchant.effective_on.isoformat()
            ) from cancelled
        return True


def _platform(item: PlatformItem) -> Platform:
    return Platform(
        platform_id=item.platform_id,
        version=item.version,
        name=item.name,
        role_arn=item.role_arn,
        active=item.active,
        made_by=item.made_by,
    )


def _merchant(item: MerchantItem) -> Merchant:
    return Merchant(
        merchant_id=item.merchant_id,
        effective_on=date.fromisoformat(item.effective_on),
        name=item.name,
        credit_code=item.credit_code,
        industry=item.industry,
        size_class=item.size_class,
        district=item.district,
        active=item.active,
        made_by=item.made_by,
    )
