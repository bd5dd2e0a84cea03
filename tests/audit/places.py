"""Where the season's files lie that the tests edit."""

from tests.audit.season import CAMPAIGN

DETAIL = f"settlements/unionpay/2026-01-05/{CAMPAIGN}/v1/detail.csv"
REPORT = f"reports/{CAMPAIGN}/2026-01-05/by_industry.json"
MATCH = f"settlements/meituan/2026-01-06/{CAMPAIGN}/v1/reconciliation.csv"
DIFFERS = f"settlements/unionpay/2026-01-05/{CAMPAIGN}/v1/reconciliation.csv"
BY_PLATFORM = REPORT.replace("by_industry", "by_platform")
BY_SIZE = REPORT.replace("by_industry.json", "by_size_class.csv")
ENTRIES = REPORT.replace("by_industry.json", "entries.csv")
OPEN_BREAKS = REPORT.replace("by_industry", "open_breaks")
STATEMENT = f"settlements/meituan/2026-01-06/{CAMPAIGN}/v1/statement.json"
PAYMENT = f"returns/{CAMPAIGN}/0001/payment-02/payment.json"
PAYOUT = f"settlements/meituan/2026-01-11/{CAMPAIGN}/payout-0001/payout.json"
PAID = f"payouts/{CAMPAIGN}/meituan/0001/payment-02/payment.json"
PROOF = "reports/invariants/2026-01-06/invariants.json"
RETURN = f"returns/{CAMPAIGN}/0001/fund_return.json"
