"""What each code means to a caller: status, wording in two languages, and what to do about it.

Kept in groups, in the order of `Code`, because the page of errors is printed from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from functions.shared.domain.errors import Code
from functions.shared.edge.languages import Words


class Problem(NamedTuple):
    """One kind of refusal.

    Args:
        status: the HTTP status.
        title: what happened, the same for every occurrence.
        details: wordings of this occurrence, the most telling first; the first whose `{names}`
            are all in the error's context is used, so the last has none.
        remedy: what the caller can do.
        retryable: whether the same request, sent again within seconds and unchanged, may succeed.
        retry_after_s: what Retry-After says; None where the header is not sent.
        tells_facts: whether facts of the context become members of the problem document.

    """

    status: int
    title: Words
    details: tuple[Words, ...]
    remedy: Words
    retryable: bool = False
    retry_after_s: int | None = None
    tells_facts: bool = True


class Group(NamedTuple):
    """Problems that belong together on the page of errors."""

    heading: Words
    problems: Mapping[Code, Problem]


_SIGN_AGAIN = Words(
    "Sign the request with AWS Signature Version 4 for the service execute-api, with the key of "
    "your role, and send it again.",
    "请用贵方角色的密钥、以 execute-api 为服务名按 AWS Signature Version 4 签名后重新发送。",
)

GROUPS: Final[tuple[Group, ...]] = (
    Group(
        Words("The request itself", "请求本身"),
        {
            Code.MALFORMED_BODY: Problem(
                400,
                Words("The body cannot be read as JSON", "请求体不是可接受的 JSON"),
                (
                    Words(
                        "{reason} (at character {position}).", "{reason}（第 {position} 个字符）。"
                    ),
                    Words('{reason} (the name is "{name}").', "{reason}（名称为“{name}”）。"),
                    Words("{reason}.", "{reason}。"),
                    Words("The body cannot be read.", "请求体无法读取。"),
                ),
                Words(
                    "Send one JSON object in UTF-8 and mend what is named here.",
                    "请发送一个 UTF-8 编码的 JSON 对象，并改正所指出的问题。",
                ),
            ),
            Code.INVALID_FIELDS: Problem(
                400,
                Words("Some fields cannot be accepted", "部分字段不可接受"),
                (
                    Words(
                        "Fields of the request are missing, unknown or out of range.",
                        "请求中有字段缺失、未知或超出范围。",
                    ),
                ),
                Words(
                    "Mend each field that `errors` names, then send the request again.",
                    "请逐项改正 errors 中列出的字段后重新发送。",
                ),
            ),
            Code.BODY_TOO_LARGE: Problem(
                413,
                Words("The body is too large", "请求体过大"),
                (
                    Words(
                        "This call takes a body of at most {limit_bytes} bytes.",
                        "本接口的请求体最多 {limit_bytes} 字节。",
                    ),
                    Words(
                        "The body is larger than this call takes.", "请求体超过本接口允许的大小。"
                    ),
                ),
                Words(
                    "Send a smaller body, or none where the limit is 0.",
                    "请缩小请求体；上限为 0 时请不要发送请求体。",
                ),
            ),
            Code.UNSUPPORTED_MEDIA_TYPE: Problem(
                415,
                Words("The body has the wrong media type", "请求体的媒体类型不受支持"),
                (
                    Words(
                        "The body is not declared as plain JSON in UTF-8.",
                        "请求体未声明为未压缩的 UTF-8 JSON。",
                    ),
                ),
                Words(
                    "Send the header Content-Type: application/json, and no Content-Encoding.",
                    "请发送请求头 Content-Type: application/json，且不要使用 Content-Encoding。",
                ),
            ),
            Code.ROUTE_NOT_FOUND: Problem(
                404,
                Words("There is no such call", "没有这个接口"),
                (Words("No call has this path.", "没有任何接口使用这个路径。"),),
                Words("Compare the path with the API document.", "请对照接口文档检查路径。"),
                tells_facts=False,
            ),
            Code.METHOD_NOT_ALLOWED: Problem(
                405,
                Words("The path has no such method", "该路径不支持此方法"),
                (
                    Words("This path takes only {allow}.", "此路径只接受 {allow}。"),
                    Words("This path does not take this method.", "此路径不接受该方法。"),
                ),
                Words(
                    "Use a method that the header Allow names.", "请使用响应头 Allow 列出的方法。"
                ),
            ),
        },
    ),
    Group(
        Words("Who calls, and what is theirs", "调用方与归属"),
        {
            Code.NOT_SIGNED: Problem(
                403,
                Words("The request is not signed", "请求未签名"),
                (Words("The request has no usable signature.", "请求没有可用的签名。"),),
                _SIGN_AGAIN,
                tells_facts=False,
            ),
            Code.KEY_UNKNOWN: Problem(
                403,
                Words("The access key is unknown", "访问密钥未知"),
                (
                    Words(
                        "The access key is not known here, or its session token does not fit it.",
                        "访问密钥不存在，或会话令牌与其不符。",
                    ),
                ),
                Words(
                    "Use the present key of your role, with its session token; ask for a new one "
                    "if it was revoked.",
                    "请使用贵方角色当前的密钥及其会话令牌；如已吊销，请申请新的密钥。",
                ),
                tells_facts=False,
            ),
            Code.SIGNATURE_INVALID: Problem(
                403,
                Words("The signature does not fit the request", "签名与请求不符"),
                (
                    Words(
                        "What was signed is not what arrived, or another secret key signed it.",
                        "签名的内容与收到的内容不一致，或使用了其他密钥签名。",
                    ),
                ),
                _SIGN_AGAIN,
                tells_facts=False,
            ),
            Code.SIGNATURE_EXPIRED: Problem(
                403,
                Words("The signature is too old or too new", "签名时间超出允许范围"),
                (
                    Words(
                        "The request was signed more than five minutes from the time here.",
                        "签名时间与服务器时间相差超过五分钟。",
                    ),
                ),
                Words(
                    "Set your clock by a time server, sign the request anew and send it at once.",
                    "请校准本机时钟，重新签名后立即发送。",
                ),
                tells_facts=False,
            ),
            Code.NOT_ALLOWED: Problem(
                403,
                Words("You may not make this call", "无权调用此接口"),
                (
                    Words(
                        "The role that signed the request may not make this call.",
                        "签名所用的角色无权调用此接口。",
                    ),
                ),
                Words(
                    "Sign with a role that may; ask the bureau if yours should.",
                    "请使用有权限的角色签名；如认为应有权限，请联系主管部门。",
                ),
                tells_facts=False,
            ),
            Code.SAME_PERSON: Problem(
                403,
                Words("The maker may not approve", "经办人不得自行审批"),
                (
                    Words(
                        "Whoever made this may not approve it.", "经办此事项的人员不能审批此事项。"
                    ),
                ),
                Words("Let another person approve it.", "请由另一人审批。"),
            ),
            Code.NOT_FOUND: Problem(
                404,
                Words("It does not exist, or is not yours", "不存在或不属于贵方"),
                (
                    # The same words whether it is missing or another's: they must not tell which.
                    Words(
                        "Nothing that you may see has this id.",
                        "没有贵方可见的、编号与此相符的内容。",
                    ),
                ),
                Words(
                    "Check the id, and that you call with the role it belongs to.",
                    "请检查编号，以及是否使用了所属的角色调用。",
                ),
                tells_facts=False,
            ),
        },
    ),
    Group(
        Words("Numbers and versions", "请求编号与版本"),
        {
            Code.KEY_REUSED: Problem(
                422,
                Words("The number was used for something else", "编号已用于其他内容"),
                (
                    Words(
                        "{number} was used before with other content; nothing was changed.",
                        "编号 {number} 曾用于不同内容的请求；未作任何更改。",
                    ),
                    Words(
                        "This number was used before with other content; nothing was changed.",
                        "该编号曾用于不同内容的请求；未作任何更改。",
                    ),
                ),
                Words(
                    "To retry, send exactly the first content; for something new, use a new "
                    "number.",
                    "如为重试，请原样发送首次的内容；如为新请求，请使用新的编号。",
                ),
            ),
            Code.VERSION_REQUIRED: Problem(
                428,
                Words("The request does not say which version it changes", "请求未说明所改的版本"),
                (
                    Words(
                        "Neither If-Match nor If-None-Match was sent.",
                        "未发送 If-Match 或 If-None-Match 请求头。",
                    ),
                ),
                Words(
                    'Send If-None-Match: * to make something new, or If-Match: "N" with the '
                    "version N that you have read.",
                    '新建请发送 If-None-Match: *；修改请发送 If-Match: "N"，N 为所读到的版本。',
                ),
            ),
            Code.VERSION_MISMATCH: Problem(
                412,
                Words("It has changed since you read it", "内容已被更改"),
                (
                    Words(
                        "Version {stored_version} is stored, which the request did not expect "
                        "(0: nothing is stored).",
                        "当前版本为 {stored_version}（0 表示尚不存在），与请求所说的不符。",
                    ),
                    Words(
                        "The stored version is not the one that the request names.",
                        "当前版本与请求所说的不符。",
                    ),
                ),
                Words(
                    "Read it again, apply your change to what you find, and send that version.",
                    "请重新读取，在最新内容上修改，并使用其版本号重新发送。",
                ),
            ),
        },
    ),
    Group(
        Words("Campaigns", "活动"),
        {
            Code.CAMPAIGN_INVALID: Problem(
                422,
                Words("The campaign's document contradicts itself", "活动文档内容有误"),
                (
                    Words(
                        "The document has the right shape, but its rules do not fit together.",
                        "文档格式正确，但其中的规则互相矛盾。",
                    ),
                ),
                Words(
                    "Mend each place that `errors` names, then send the document again.",
                    "请逐项改正 errors 中列出的位置后重新提交。",
                ),
            ),
            Code.CAMPAIGN_STATE: Problem(
                409,
                Words("The campaign's state does not permit this", "活动当前状态不允许此操作"),
                (
                    Words("The campaign is {state}.", "活动当前为：{state}。"),
                    Words(
                        "The campaign is in a state that does not permit this.",
                        "活动所处的状态不允许此操作。",
                    ),
                ),
                Words(
                    "Read the campaign and do what its state permits.",
                    "请先查询活动，再执行其状态允许的操作。",
                ),
            ),
            Code.CAMPAIGN_NOT_RUNNING: Problem(
                409,
                Words("The campaign is not running", "活动未在进行"),
                (
                    Words("The campaign is {state}.", "活动当前为：{state}。"),
                    Words("The campaign has not begun or has ended.", "活动尚未开始或已经结束。"),
                ),
                Words(
                    "Offer its vouchers only while the list of campaigns shows it.",
                    "请仅在活动列表中列出该活动期间提供其消费券。",
                ),
            ),
            Code.CAMPAIGN_PAUSED: Problem(
                409,
                Words("The campaign is paused", "活动已暂停"),
                (Words("The bureau has paused the campaign.", "主管部门已暂停该活动。"),),
                Words(
                    "Tell the consumer to come back later, and look at the campaign for its "
                    "resumption.",
                    "请提示消费者稍后再来，并关注活动何时恢复。",
                ),
            ),
            Code.ROUND_NOT_OPEN: Problem(
                409,
                Words("The round has not opened", "本轮尚未开始"),
                (
                    Words("The round opens at {opens_at}.", "本轮将于 {opens_at} 开始。"),
                    Words("The round has not opened yet.", "本轮尚未开始。"),
                ),
                Words("Send the claim once it has opened.", "请在开始之后再发起领取。"),
            ),
            Code.ROUND_CLOSED: Problem(
                409,
                Words("The round has closed", "本轮已经结束"),
                (
                    Words("The round closed at {closed_at}.", "本轮已于 {closed_at} 结束。"),
                    Words("The round has closed.", "本轮已经结束。"),
                ),
                Words("Read the campaign for its next round.", "请查询活动，留意下一轮的时间。"),
            ),
            Code.STOCK_CHANGED: Problem(
                409,
                Words("Other units are planned now", "券池的计划数量已经改变"),
                (
                    Words(
                        "The change was made from {units_before} units; {units} are planned now.",
                        "本次调整基于 {units_before} 张，现计划数量为 {units} 张。",
                    ),
                    Words(
                        "The pool's planned units are not those that the change was made from.",
                        "券池的计划数量与调整时所见不同。",
                    ),
                ),
                Words(
                    "Read the pool, and propose a new change from the units that you see.",
                    "请重新查询券池，并按当前数量提出新的调整。",
                ),
            ),
            Code.STOCK_INSUFFICIENT: Problem(
                409,
                Words("Too few units are left", "剩余券数不足"),
                (
                    Words(
                        "{needed} units are needed; {available} are left.",
                        "需要 {needed} 张，仅剩 {available} 张。",
                    ),
                    Words("Fewer units are left than are needed.", "剩余券数少于所需数量。"),
                ),
                Words(
                    "Take out at most what is left; or, before a grant is approved, add units to "
                    "its pool.",
                    "调减时请不超过剩余数量；审批定向发放前，请先为该券池增加券量。",
                ),
            ),
            Code.FUNDS_INSUFFICIENT: Problem(
                409,
                Words("Too little money is unallocated", "未分配资金不足"),
                (
                    Words(
                        "{needed_fen} fen are needed; {unallocated_fen} fen are unallocated.",
                        "所需资金 {needed_fen} 分，未分配资金仅 {unallocated_fen} 分。",
                    ),
                    Words(
                        "More is needed than the campaign has unallocated.",
                        "所需资金超过活动的未分配资金。",
                    ),
                ),
                Words(
                    "Propose fewer units, or take units out of a pool first.",
                    "请减少数量，或先从券池调减。",
                ),
            ),
            Code.GRANT_STATE: Problem(
                409,
                Words("The grant's state does not allow this", "定向发放的状态不允许此操作"),
                (
                    Words("The grant is {state}.", "定向发放当前状态：{state}。"),
                    Words("The grant is in another state.", "定向发放处于其他状态。"),
                ),
                Words(
                    "Persons are listed before the approval, and granted after it; for more "
                    "persons, make another grant.",
                    "审批前登记人员，审批后发放；如需增加人员，请新建定向发放。",
                ),
            ),
            Code.GRANT_CHANGED: Problem(
                409,
                Words("The list is not the one that was read", "名单与所见不同"),
                (
                    Words("{rows} persons are listed now.", "名单现有 {rows} 人。"),
                    Words("Another number of persons is listed now.", "名单人数已经改变。"),
                ),
                Words(
                    "Read the grant and its list again, and approve the number that you see.",
                    "请重新查询定向发放及名单，并按当前人数审批。",
                ),
            ),
            Code.ROLE_TAKEN: Problem(
                409,
                Words("The role belongs to another platform", "该角色已属于其他平台"),
                (
                    Words(
                        "The role is registered for another platform, or is one of the bureau's.",
                        "该角色已登记给其他平台，或为主管部门的角色。",
                    ),
                ),
                Words("Give each platform a role of its own.", "请为每个平台使用单独的角色。"),
            ),
            Code.MERCHANT_DATED: Problem(
                409,
                Words("The merchant has another entry for this date", "该日期已有其他商户信息"),
                (
                    Words(
                        "Another entry of this merchant begins on {effective_on}; an entry that "
                        "was made is never rewritten.",
                        "该商户已有自 {effective_on} 起生效的其他信息；已登记的信息不会被改写。",
                    ),
                    Words(
                        "Another entry of this merchant begins on that date.",
                        "该商户在该日期已有其他信息。",
                    ),
                ),
                Words(
                    "Give the change another date; what was reported keeps the merchant as it was.",
                    "请为变更填写其他日期；已统计的数据仍按商户当时的信息保留。",
                ),
            ),
        },
    ),
    Group(
        Words("Claims", "领取"),
        {
            Code.SOLD_OUT: Problem(
                409,
                Words("No stock is left", "已领完"),
                (
                    Words(
                        "Every voucher of the type {voucher_type_id} for your platform in this "
                        "round is taken.",
                        "本轮券种 {voucher_type_id} 在贵平台的库存已全部领完。",
                    ),
                    Words(
                        "Every voucher of this type for your platform in this round is taken.",
                        "本轮该券种在贵平台的库存已全部领完。",
                    ),
                ),
                Words("Offer another voucher type or the next round.", "请提供其他券种或下一轮。"),
            ),
            Code.PERSON_LIMIT_REACHED: Problem(
                409,
                Words("The person has had all that one person may have", "已达个人限额"),
                (
                    Words(
                        "Limit {scope}: at most {limit}, and {used} are taken on all platforms "
                        "together.",
                        "限额“{scope}”：最多 {limit}，各平台合计已用 {used}。",
                    ),
                    Words(
                        "Limit {scope}: at most {limit} on all platforms together.",
                        "限额“{scope}”：各平台合计最多 {limit}。",
                    ),
                    Words(
                        "A limit per natural person, over all platforms, is reached.",
                        "已达到自然人跨平台的限额。",
                    ),
                ),
                Words(
                    "Tell the consumer which limit it is; asking again does not help.",
                    "请告知消费者所达到的限额；重复请求不会成功。",
                ),
            ),
            Code.NOT_ELIGIBLE: Problem(
                422,
                Words("The person does not meet the campaign's conditions", "不符合活动的参与条件"),
                (
                    Words(
                        "Condition not met: {reason} ({located_in}).",
                        "未满足的条件：{reason}（{located_in}）。",
                    ),
                    Words("Condition not met: {reason}.", "未满足的条件：{reason}。"),
                    Words("A condition of the campaign is not met.", "未满足活动的某项条件。"),
                ),
                Words(
                    "Tell the consumer the condition; correct what you sent if it was wrong.",
                    "请向消费者说明该条件；如所传信息有误，请更正。",
                ),
            ),
            Code.NOT_DISTRIBUTED_SO: Problem(
                409,
                Words("Vouchers of this type are not given in this way", "该券种不以此方式发放"),
                (
                    Words(
                        "The voucher type {voucher_type_id} is {distribution}.",
                        "券种 {voucher_type_id} 的发放方式：{distribution}。",
                    ),
                    Words("The voucher type is given in another way.", "该券种以其他方式发放。"),
                ),
                Words(
                    "Claim what is first come, first served, at /v1/claims, and what an order "
                    "earns at /v1/earnings; what is granted, the bureau grants.",
                    "先到先得的券种请通过 /v1/claims 领取，消费送券请通过 /v1/earnings 获得；"
                    "定向发放的券种由主管部门发放。",
                ),
            ),
        },
    ),
    Group(
        Words("Vouchers, orders, refunds", "券、订单与退款"),
        {
            Code.VOUCHER_EXPIRED: Problem(
                409,
                Words("The voucher has expired", "券已过期"),
                (
                    Words(
                        "The voucher was valid until {valid_until}.",
                        "该券有效期至 {valid_until}。",
                    ),
                    Words("The voucher's validity has ended.", "该券的有效期已经结束。"),
                ),
                Words("Let the consumer pay without it.", "请引导消费者不使用该券付款。"),
            ),
            Code.VOUCHER_NOT_YET_VALID: Problem(
                409,
                Words("The voucher is not valid yet", "券尚未生效"),
                (
                    Words(
                        "The voucher is valid from {valid_from}.", "该券自 {valid_from} 起有效。"
                    ),
                    Words("The voucher's validity has not begun.", "该券的有效期尚未开始。"),
                ),
                Words("Use it once it is valid.", "请在生效之后使用。"),
            ),
            Code.VOUCHER_NOT_AT_THIS_TIME: Problem(
                409,
                Words("The voucher is not for this time of the week", "该券在此时段不可用"),
                (
                    Words(
                        "The voucher may be used again from {usable_at}.",
                        "该券自 {usable_at} 起可再次使用。",
                    ),
                    Words(
                        "The voucher is for other weekdays or hours, and ends before they come.",
                        "该券限其他日期或时段使用，且在此之前失效。",
                    ),
                ),
                Words(
                    "Read the voucher type's times, and use the voucher then.",
                    "请查看券种的可用时段，并在该时段内使用。",
                ),
            ),
            Code.VOUCHER_HELD: Problem(
                409,
                Words("The voucher is held for another order", "券已被其他订单占用"),
                (
                    Words(
                        "Another order holds the voucher until {held_until}.",
                        "该券被另一订单占用至 {held_until}。",
                    ),
                    Words("Another order holds the voucher.", "该券被另一订单占用。"),
                ),
                Words(
                    "Finish or release that order's hold, or wait until it lapses.",
                    "请完成或释放该订单的占用，或等待其到期。",
                ),
            ),
            Code.VOUCHER_NOT_HELD: Problem(
                409,
                Words("The voucher is not held for this order", "券未被该订单占用"),
                (
                    Words(
                        "There is no hold of this order to give back; it may have lapsed.",
                        "没有该订单可释放的占用，可能已到期。",
                    ),
                ),
                Words(
                    "Read the voucher; if it is ISSUED, nothing is left to do.",
                    "请查询该券；如状态为 ISSUED，则无须处理。",
                ),
            ),
            Code.HOLDS_EXHAUSTED: Problem(
                409,
                Words("The voucher was held too often", "券被占用的次数过多"),
                (
                    Words(
                        "The voucher was held and released as often as a voucher may be.",
                        "该券被占用和释放的次数已达上限。",
                    ),
                ),
                Words(
                    "Redeem it for an order without a hold before.",
                    "请不再占用，直接为订单核销。",
                ),
            ),
            Code.VOUCHER_NOT_REDEEMABLE: Problem(
                409,
                Words("The voucher cannot be used", "券不可使用"),
                (
                    Words("The voucher is {state}.", "该券当前为：{state}。"),
                    Words("The voucher was used or voided.", "该券已被使用或作废。"),
                ),
                Words("Let the consumer choose another voucher.", "请引导消费者选择其他券。"),
            ),
            Code.BELOW_THRESHOLD: Problem(
                422,
                Words("The order is below the voucher's threshold", "订单未达到用券门槛"),
                (
                    Words(
                        "The order counts as {base_fen} fen, and the voucher asks for at least "
                        "{threshold_fen} fen ({threshold_base}).",
                        "订单计入 {base_fen} 分，该券要求至少 {threshold_fen} 分"
                        "（按{threshold_base}计）。",
                    ),
                    Words(
                        "The order is less than what the voucher asks for.",
                        "订单金额低于该券要求的最低金额。",
                    ),
                ),
                Words(
                    "Offer the voucher only for orders that reach its threshold.",
                    "请仅在订单达到门槛时提供该券。",
                ),
            ),
            Code.STACKING_NOT_ALLOWED: Problem(
                422,
                Words(
                    "The voucher cannot be used beside another discount", "该券不可与其他优惠同享"
                ),
                (
                    Words(
                        "The merchant takes {merchant_discount_fen} fen off by itself.",
                        "订单含商户优惠 {merchant_discount_fen} 分。",
                    ),
                    Words(
                        "The platform takes {platform_discount_fen} fen off by itself.",
                        "订单含平台优惠 {platform_discount_fen} 分。",
                    ),
                    Words(
                        "The order has a discount that the voucher excludes.",
                        "订单含有该券不可同享的优惠。",
                    ),
                ),
                Words(
                    "Let the consumer choose: the voucher or the discount.",
                    "请由消费者选择使用该券或其他优惠。",
                ),
            ),
            Code.ORDER_AMOUNTS_INVALID: Problem(
                422,
                Words("The order's amounts do not add up", "订单金额不成立"),
                (
                    Words(
                        "The order is {order_fen} fen; the merchant's {merchant_discount_fen} fen "
                        "and the platform's {platform_discount_fen} fen leave less than the "
                        "voucher's {voucher_fen} fen, or the voucher is worth less than one fen "
                        "on it.",
                        "订单 {order_fen} 分，减去商户优惠 {merchant_discount_fen} 分、平台优惠 "
                        "{platform_discount_fen} 分后，不足以使用 {voucher_fen} 分的券，"
                        "或券的优惠不足一分。",
                    ),
                    Words(
                        "The order is {order_fen} fen, less than the merchant's "
                        "{merchant_discount_fen} fen and the platform's {platform_discount_fen} "
                        "fen taken off.",
                        "订单 {order_fen} 分，小于商户优惠 {merchant_discount_fen} 分与平台优惠 "
                        "{platform_discount_fen} 分之和。",
                    ),
                    Words(
                        "The discounts and the voucher are more than the order.",
                        "各项优惠与券的合计超过订单金额。",
                    ),
                ),
                Words(
                    "Check the amounts, in fen; a voucher is never cut to fit an order.",
                    "请核对以分为单位的各项金额；券不会为适应订单而减少金额。",
                ),
            ),
            Code.ORDER_ALREADY_USED: Problem(
                409,
                Words("The order already has a voucher", "该订单已使用过券"),
                (
                    Words(
                        "This order took part in a redemption before; an order takes one voucher.",
                        "该订单已核销过券；一笔订单只能使用一张券。",
                    ),
                ),
                Words(
                    "Read that redemption; give a new order a number of its own.",
                    "请查询已有的核销；新订单请使用新的订单号。",
                ),
            ),
            Code.MERCHANT_NOT_IN_CAMPAIGN: Problem(
                422,
                Words("The merchant does not take part", "商户未参加活动"),
                (
                    Words(
                        "The merchant {merchant_id} is not one of the campaign's on this date.",
                        "商户 {merchant_id} 在该日期不属于本活动。",
                    ),
                    Words(
                        "The merchant is not one of the campaign's on this date.",
                        "该商户在该日期不属于本活动。",
                    ),
                ),
                Words(
                    "Use the voucher at a merchant of the campaign; ask the bureau if this one "
                    "should be.",
                    "请在参加活动的商户使用；如认为该商户应参加，请联系主管部门。",
                ),
            ),
            Code.REFUND_EXCEEDS_REDEMPTION: Problem(
                409,
                Words("The refund is more than what is left", "退款超过可退金额"),
                (
                    Words(
                        "{refund_fen} fen were asked for; of {refundable_fen} fen, {refunded_fen} "
                        "fen are refunded already.",
                        "申请退款 {refund_fen} 分；可退总额 {refundable_fen} 分，已退 "
                        "{refunded_fen} 分。",
                    ),
                    Words(
                        "The refunds of this redemption would be more than it.",
                        "该笔核销的退款合计将超过其金额。",
                    ),
                ),
                Words(
                    "Read the redemption, and refund at most what is left of it.",
                    "请查询该笔核销，退款不得超过剩余可退金额。",
                ),
            ),
            Code.CAMPAIGN_CLOSING: Problem(
                409,
                Words("The campaign is being closed", "活动正在结项"),
                (
                    Words(
                        "Its refund window ended on {closed_on}; late refunds and corrections are "
                        "taken once it is closed.",
                        "退款窗口已于 {closed_on} 结束；活动结项后受理迟到退款与调账。",
                    ),
                    Words(
                        "Late refunds and corrections are taken once the campaign is closed.",
                        "活动结项后受理迟到退款与调账。",
                    ),
                ),
                Words(
                    "Send the same request again once the campaign is CLOSED: mostly the day after "
                    "the next, a week later where breaks are open.",
                    "请在活动状态变为 CLOSED 后原样重发，一般为隔日；尚有未结差错的，最迟约一周。",
                ),
            ),
            Code.REFUND_WINDOW_CLOSED: Problem(
                409,
                Words("The time for refunds has passed", "已超过退款期限"),
                (
                    Words(
                        "The campaign took late refunds until {closed_on}.",
                        "该活动的迟到退款受理至 {closed_on}。",
                    ),
                    Words(
                        "The campaign takes no more refunds of vouchers.",
                        "该活动不再受理用券订单的退款。",
                    ),
                ),
                Words(
                    "Refund the consumer's own payment by yourself, and settle the voucher's money "
                    "with the bureau in writing.",
                    "请自行退还消费者实付的金额，券资金由贵方与主管部门书面结清。",
                ),
            ),
            Code.EARNED_BY_REDEMPTION: Problem(
                409,
                Words("The order redeemed a voucher besides", "该订单同时核销过券"),
                (
                    Words(
                        "Refunds of this order are those of its redemption {redemption_id}.",
                        "该订单的退款应通过其核销 {redemption_id} 提交。",
                    ),
                    Words(
                        "Refunds of this order are those of its redemption.",
                        "该订单的退款应通过其核销提交。",
                    ),
                ),
                Words(
                    "Refund the redemption; the earned voucher is taken back with it.",
                    "请对该核销退款，获得的券将随之收回。",
                ),
            ),
        },
    ),
    Group(
        Words("Reconciliation", "对账"),
        {
            Code.BREAK_STATE: Problem(
                409,
                Words("The break's state does not permit this", "差错当前状态不允许此操作"),
                (
                    Words("The break is {state}.", "差错当前为：{state}。"),
                    Words(
                        "The break is in a state that does not permit this.",
                        "差错所处的状态不允许此操作。",
                    ),
                ),
                Words(
                    "Read the break: an open one takes a proposal, a proposal takes an approval; "
                    "one that is ended takes nothing.",
                    "请先查询差错：未结的可提出处理意见，待审批的可审批，已结的不再受理。",
                ),
            ),
            Code.BREAK_NOT_ADJUSTABLE: Problem(
                409,
                Words("The bill's side cannot be accepted", "该差错不能以账单为准"),
                (
                    Words(
                        "The bill has {bill_fen} fen of voucher money; a voucher of the type gives "
                        "at most {greatest_fen}.",
                        "账单券金额为 {bill_fen} 分，该券种最多 {greatest_fen} 分。",
                    ),
                    Words(
                        "The break is {match_state}: the bill's row and the ledger's do not tell "
                        "of one event.",
                        "差错类型为 {match_state}：账单与账本所记并非同一笔业务。",
                    ),
                    Words(
                        "Both sides have the same voucher amount: they differ by {difference_fen} "
                        "fen.",
                        "双方券金额相同（相差 {difference_fen} 分），无需调账。",
                    ),
                    Words(
                        "Only the bill has the redemption, and the voucher is {voucher_state}.",
                        "仅账单记有该笔核销，而券当前为：{voucher_state}。",
                    ),
                    Words(
                        "The last date on which the campaign settles anything, {last_on}, is over.",
                        "该活动最后可结算日期 {last_on} 已过。",
                    ),
                    Words(
                        "The break cannot be ended by accepting the bill.",
                        "该差错不能以账单为准结案。",
                    ),
                ),
                Words(
                    "Resolve it by ACCEPT_LEDGER or WRITE_OFF, or have the platform correct its "
                    "bill; void a voucher that can still be used, then accept the bill.",
                    "请以 ACCEPT_LEDGER 或 WRITE_OFF 结案，或请平台更正账单；券仍可用的请先作废。",
                ),
            ),
        },
    ),
    Group(
        Words("Settlements and fund returns", "结算与资金退回"),
        {
            Code.PAYMENT_STATE: Problem(
                409,
                Words("The payment's state does not permit this", "付款当前状态不允许此操作"),
                (
                    Words(
                        "The last payment is {state}; {left_fen} fen are left to pay.",
                        "最近一笔付款状态：{state}；尚待付款 {left_fen} 分。",
                    ),
                    Words(
                        "The payment is in a state that does not permit this.",
                        "付款所处的状态不允许此操作。",
                    ),
                ),
                Words(
                    "Read what it pays: one payment is under way at a time. A proposal takes an "
                    "approval or a withdrawal, an approved payment the bank's reply; what is left "
                    "may then be proposed.",
                    "请先查询所付的退回单或付款单：同一时间只能有一笔付款。待复核的可复核或撤回，已复核的可登记"
                    "银行回执；如有余额，之后可再次提出。",
                ),
            ),
            Code.PAYMENT_MISMATCH: Problem(
                422,
                Words("The bank's reply is about another payment", "银行回执与付款指令不符"),
                (
                    Words(
                        "{field} of the instruction is {expected}.",
                        "付款指令的 {field} 为 {expected}。",
                    ),
                    Words(
                        "The reply is not about the approved payment.",
                        "该回执不属于已复核的付款指令。",
                    ),
                ),
                Words(
                    "Compare the reply with the instruction, field by field. If money went to "
                    "another account or in another amount, do not enter it: call the bank.",
                    "请逐项核对回执与指令。如款项入了其他账户或金额超出，请勿登记，立即联系银行。",
                ),
            ),
            Code.STATEMENT_MISMATCH: Problem(
                422,
                Words("The statement says something else", "与结算单不符"),
                (
                    Words(
                        "{field} of the statement is {expected}.",
                        "结算单的 {field} 为 {expected}。",
                    ),
                    Words(
                        "The statement is not the one that you describe.",
                        "结算单与所确认的内容不符。",
                    ),
                ),
                Words(
                    "Compare your books with the statement's files. Where they differ, send a "
                    "corrected bill: what is found wrong is adjusted by a later statement.",
                    "请将贵方账目与结算单文件核对。如有差异，请提交更正账单；核实后由之后的结算单"
                    "调整。",
                ),
            ),
            Code.PAYOUT_NOT_DUE: Problem(
                409,
                Words("No payout is due", "暂无应付款项"),
                (
                    Words(
                        "{statements} statements are confirmed, settled without a gap and not paid "
                        "out yet; they come to {net_fen} fen.",
                        "已确认、连续结算且未付款的结算单 {statements} 份，合计 {net_fen} 分。",
                    ),
                    Words("Nothing is due.", "没有应付款项。"),
                ),
                Words(
                    "A payout takes what is confirmed, from the last payout up to the first "
                    "statement that is not. A negative sum is carried forward until later "
                    "statements outweigh it, or the campaign is closed.",
                    "付款单包含自上次付款起至首份未确认结算单之前的全部已确认结算单。合计为负的，"
                    "结转至后续结算单抵足或活动结束。",
                ),
            ),
            Code.CONTRACT_MISSING: Problem(
                409,
                Words("No contract names the platform's account", "未约定平台收款账户"),
                (
                    Words(
                        "The campaign's document has no contract with {platform_id}.",
                        "活动文档未列明与平台 {platform_id} 的合同。",
                    ),
                    Words(
                        "The campaign's document has no contract with the platform.",
                        "活动文档未列明与该平台的合同。",
                    ),
                ),
                Words(
                    "Huimin pays only to accounts that a campaign's approved document names "
                    "(`contracts`). Pay this campaign's statements outside, and name the account "
                    "in the next one.",
                    "系统只向经审批的活动文档（contracts）所列账户付款。本活动的结算单请在系统外"
                    "支付，并在下一活动中列明账户。",
                ),
            ),
        },
    ),
    Group(
        Words("The service", "服务"),
        {
            Code.BUSY: Problem(
                503,
                Words("Too many requests meet here at this moment", "系统繁忙"),
                (
                    Words(
                        "The request could not be finished in time. It is neither refused nor "
                        "known to be done.",
                        "未能及时完成请求。请求未被拒绝，也不能确认已完成。",
                    ),
                ),
                Words(
                    "Send the same request again, with the same number, after Retry-After "
                    "seconds; wait twice as long each time.",
                    "请在 Retry-After 秒后以相同编号原样重发，每次等待时间加倍。",
                ),
                retryable=True,
                retry_after_s=1,
            ),
            Code.THROTTLED: Problem(
                429,
                Words("You send faster than agreed", "请求过于频繁"),
                (
                    Words(
                        "The request was turned away before it was looked at.",
                        "请求在处理之前即被限流。",
                    ),
                ),
                Words(
                    "Send it again after Retry-After seconds, and spread requests evenly.",
                    "请在 Retry-After 秒后重发，并均匀发送请求。",
                ),
                retryable=True,
                retry_after_s=1,
            ),
            Code.INTERNAL: Problem(
                500,
                Words("Something here is broken", "服务内部错误"),
                (
                    Words(
                        "The fault is ours, and it is logged with the request_id.",
                        "这是我方的故障，已按 request_id 记录。",
                    ),
                ),
                Words(
                    "Send the same request again, with the same number; if it fails again, tell us "
                    "the request_id.",
                    "请以相同编号原样重发；如仍失败，请将 request_id 告知我们。",
                ),
                retryable=True,
                tells_facts=False,
            ),
        },
    ),
)

PROBLEMS: Final[Mapping[Code, Problem]] = {
    code: problem for group in GROUPS for code, problem in group.problems.items()
}

MEMBERS: Final[Mapping[str, Words]] = {
    "reason": Words("why, as a word for programs", "原因（供程序识别）"),
    "position": Words(
        "character of the body to look at, from 1; the byte where the body is not UTF-8",
        "请求体中出错的字符位置，从 1 起；非 UTF-8 时为字节位置",
    ),
    "name": Words("the name that stands twice", "重复的名称"),
    "errors": Words(
        "one entry a fault: `pointer` (JSON Pointer into the body), `parameter` (query) or "
        "`header`, and `detail`",
        "逐项列出：pointer（请求体中的 JSON Pointer）、parameter（查询参数）或 header，以及 detail",
    ),
    "limit_bytes": Words("the largest body, in bytes", "请求体上限（字节）"),
    "allow": Words("the methods of the path", "路径支持的方法"),
    "number": Words("the number that was used before", "曾使用过的编号"),
    "stored_version": Words("the present version; 0 for none", "当前版本，0 表示不存在"),
    "state": Words("the present state", "当前状态"),
    "left_fen": Words("what is left to pay, in fen", "尚待付款金额（分）"),
    "field": Words("the field that does not fit", "不相符的字段"),
    "expected": Words("what it should be", "应为"),
    "statements": Words("how many statements could be paid out", "可付款的结算单份数"),
    "platform_id": Words("the platform", "平台编号"),
    "net_fen": Words(
        "what they come to, in fen; negative where the platform owes",
        "其合计（分），平台应付的为负",
    ),
    "scope": Words("what the limit counts over", "限额的统计范围"),
    "limit": Words("the most that is permitted", "上限"),
    "used": Words("how much of it is used", "已用数量"),
    "units_before": Words(
        "the planned units that the change was made from", "调整所依据的计划数量"
    ),
    "units": Words("the planned units now", "现计划数量"),
    "rows": Words("how many persons are listed", "名单人数"),
    "distribution": Words("how vouchers of the type are given", "券种的发放方式"),
    "needed": Words("how many are needed", "所需数量"),
    "available": Words("how many are left", "剩余数量"),
    "needed_fen": Words("what is needed", "所需金额"),
    "unallocated_fen": Words("what the campaign has unallocated", "活动未分配金额"),
    "opens_at": Words("when the round opens", "本轮开始时间"),
    "closed_at": Words("when the round closed", "本轮结束时间"),
    "valid_from": Words("when the voucher becomes valid", "券生效时间"),
    "valid_until": Words("when the voucher's validity ends", "券失效时间"),
    "usable_at": Words("when it may be used again", "再次可用的时间"),
    "held_until": Words("when the hold lapses", "占用到期时间"),
    "closed_on": Words("the business date on which refunds ended", "退款截止日期"),
    "effective_on": Words("the date that another entry begins on", "其他信息的生效日期"),
    "base_fen": Words("what is compared with the threshold", "与门槛比较的金额"),
    "threshold_fen": Words("the voucher's threshold", "用券门槛"),
    "threshold_base": Words("which amount is compared", "门槛的计算口径"),
    "order_fen": Words("the order", "订单金额"),
    "merchant_discount_fen": Words("the merchant's own discount", "商户优惠"),
    "platform_discount_fen": Words("the platform's own discount", "平台优惠"),
    "voucher_fen": Words("the voucher's money", "券金额"),
    "refund_fen": Words("the refund asked for", "申请退款金额"),
    "refundable_fen": Words("all that can be refunded", "可退总额"),
    "refunded_fen": Words("what is refunded already", "已退金额"),
    "located_in": Words("division codes of the campaign's area", "活动地区的行政区划代码"),
    "order_no": Words("the order", "订单号"),
    "merchant_id": Words("the merchant", "商户编号"),
    "campaign_id": Words("the campaign", "活动编号"),
    "round_id": Words("the round", "轮次编号"),
    "voucher_type_id": Words("the voucher type", "券种编号"),
    "redemption_id": Words("the redemption", "核销编号"),
    "bill_fen": Words("the voucher money of the bill's row", "账单所列券金额"),
    "greatest_fen": Words("the most that a voucher of the type gives", "该券种最高金额"),
    "match_state": Words("how ledger and bill stand to each other", "对账结果"),
    "difference_fen": Words("ledger less bill", "账本减账单的差额"),
    "voucher_state": Words("the voucher's state", "券状态"),
    "last_on": Words("the last date on which the campaign settles", "活动最后可结算日期"),
}
"""The facts that a problem document may carry. Whatever else a context holds stays inside."""

TERMS: Final[Mapping[str, Words]] = {
    # Reasons of MALFORMED_BODY
    "empty": Words("The body is empty", "请求体为空"),
    "not_utf8": Words(
        "The body is not UTF-8; write it in UTF-8, not GBK", "请求体不是 UTF-8 编码，请勿使用 GBK"
    ),
    "byte_order_mark": Words(
        "The body begins with a byte order mark; leave it out", "请求体以 BOM 开头，请去掉"
    ),
    "too_deep": Words(
        "Objects and arrays are nested more than 32 deep; flatten them",
        "对象和数组嵌套超过 32 层，请减少嵌套",
    ),
    "duplicate_key": Words(
        "A name stands twice in one object; keep one of the two",
        "同一对象中有重复的名称，请只保留一个",
    ),
    "not_a_number": Words(
        "NaN, Infinity and numbers beyond a double are no JSON numbers; send an integer",
        "NaN、Infinity 及超出双精度范围的数不是 JSON 数值，请发送整数",
    ),
    "number_too_long": Words(
        "A number has too many digits; integers have at most 19", "数字位数过多，整数最多 19 位"
    ),
    "nul_character": Words(
        "A text holds the character NUL; remove it", "文本中含有 NUL 字符，请去掉"
    ),
    "control_character": Words(
        "A text holds a raw control character; escape it, a line break as \\n",
        "文本中有未转义的控制字符，请转义，例如换行写作 \\n",
    ),
    "lone_surrogate": Words(
        "A text holds half a surrogate pair; send whole characters",
        "文本中含有不成对的代理字符，请发送完整字符",
    ),
    "trailing": Words(
        "Something follows the JSON object; send the object alone",
        "JSON 对象之后还有内容，请只发送一个对象",
    ),
    "not_an_object": Words(
        "The body is JSON, but not an object; wrap it in { }", "请求体不是 JSON 对象，请使用 { }"
    ),
    "syntax": Words(
        "The body is not JSON; check quotes and commas", "请求体不是 JSON，请检查引号和逗号"
    ),
    "not_base64": Words(
        "The body was announced as base64 and is not", "请求体声明为 base64，但无法解码"
    ),
    # Reasons of NOT_ELIGIBLE
    "REAL_NAME": Words("the person's real name is verified", "消费者已实名认证"),
    "LOCATION": Words("the person is in the campaign's area", "消费者位于活动地区"),
    "SAME_PERSON_AS_REDEEMED": Words(
        "the person is the one whose voucher the order redeemed", "与该订单核销用券人为同一人"
    ),
    # Distributions
    "FIRST_COME": Words("first come, first served, through platforms", "通过平台先到先得"),
    "DIRECT": Words("granted by the bureau to persons on a list", "由主管部门按名单定向发放"),
    "EARNED": Words("earned by an order of some size", "由达到金额的订单获得（消费送券）"),
    # Scopes of limits
    "CAMPAIGN": Words("vouchers per campaign", "每活动领券数"),
    "ROUND": Words("vouchers per round", "每轮领券数"),
    "VOUCHER_TYPE": Words("vouchers per voucher type", "每券种领券数"),
    "VOUCHER_TYPE_PER_ROUND": Words("vouchers per voucher type and round", "每轮每券种领券数"),
    "PLATFORM_PER_ROUND": Words("vouchers per platform and round", "每轮每平台领券数"),
    "MERCHANT": Words("redemptions per merchant", "每商户核销数"),
    "MERCHANT_PER_DAY": Words("redemptions per merchant and day", "每日每商户核销数"),
    # States
    "DRAFT": Words("DRAFT", "草稿"),
    "FUNDING": Words("FUNDING", "拨付中"),
    "RUNNING": Words("RUNNING", "进行中"),
    "LISTING": Words("LISTING", "登记中"),
    "APPROVED": Words("APPROVED", "已审批"),
    "PAUSED": Words("PAUSED", "已暂停"),
    "CLOSED": Words("CLOSED", "已结束"),
    "ISSUED": Words("ISSUED", "已领取"),
    "HELD": Words("HELD", "占用中"),
    "REDEEMED": Words("REDEEMED", "已核销"),
    "EXPIRED": Words("EXPIRED", "已过期"),
    "VOIDED": Words("VOIDED", "已作废"),
    # How ledger and bill stand to each other
    "STATE_DIFFERS": Words("STATE_DIFFERS", "券或商户不符"),
    "DUPLICATE": Words("DUPLICATE", "账单重复"),
    # Bases of thresholds
    "ORDER": Words("the order before discounts", "优惠前订单金额"),
    "AFTER_MERCHANT": Words("after the merchant's discount", "商户优惠后金额"),
    "AFTER_DISCOUNTS": Words("after both discounts", "商户与平台优惠后金额"),
}
"""Wording, inside a detail, for values of a context that are words for programs."""
