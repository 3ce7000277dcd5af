"""The PyPI package "vipps" 0.1, unmodified: eCom v2 with force approve, good calls and bad ones."""
import os
import re
import sys
from urllib.parse import parse_qs, urlparse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "_lib"))
from tap import done, env, ok, refused, section, unique  # noqa: E402
from requests import HTTPError  # noqa: E402
from vipps.vipps_api import VippsEcomApi  # noqa: E402

INVALID_KEY = (
    "Access denied due to invalid subscription key."
    " Make sure to provide a valid key for an active subscription."
)


def client(**other):
    """A client with the keys of the demo sales unit, but for what is given."""
    return VippsEcomApi(
        client_id=other.get("client_id", env("CLIENT_ID")),
        client_secret=other.get("client_secret", env("CLIENT_SECRET")),
        vipps_subscription_key=other.get("key", env("SUBSCRIPTION_KEY")),
        merchant_serial_number=other.get("msn", env("MSN")),
        vipps_server=env("BASE_URL"),
        callback_prefix="https://example.com/callbacks",
        fall_back=other.get("fall_back", "https://example.com/fallback"),
        access_token=other.get("token"),
        vipps_system_name="sandkasse",
        vipps_system_version="1",
    )


def error(status, code=None, text=None):
    """Accepts this HTTP status, if given with this eCom error code or this text in the body."""

    def test(raised):
        if not isinstance(raised, HTTPError) or raised.response.status_code != status:
            return False
        if text is not None and text not in raised.response.text:
            return False
        if code is None:
            return True
        body = raised.response.json()
        return isinstance(body, list) and body and body[0].get("errorCode") == code and "contextId" in body[0]

    return test


def token_of(payment):
    return parse_qs(urlparse(payment["url"]).query).get("token", [""])[0]


def flow(shop):
    ok("token: issued", len(shop.access_token) > 20)
    order = unique()
    payment = shop.init_payment(order, 1000, "One pair of socks")
    ok("initiate without a phone number", payment["orderId"] == order and payment["url"].startswith("http"), payment)
    token = token_of(payment)
    ok("the url carries a token parameter", token != "", payment["url"])
    refused("capture before approval: code 62", lambda: shop.capture_payment(order, 100, "x"), error(400, "62"))
    ok("force approve", shop.force_approve_payment(order, env("PHONE"), token).ok)

    details = shop.details_payment(order)
    log = details["transactionLogHistory"]
    operations = [entry["operation"] for entry in log]
    ok("log newest first, all successful", operations == ["RESERVE", "INITIATE"] and all(e["operationSuccess"] for e in log), details)
    ok("timeStamp has milliseconds and Z", all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", e["timeStamp"]) for e in log), log)

    captured = shop.capture_payment(order, 400, "part")
    summary = captured["transactionSummary"]
    ok("partial capture: sums", summary["capturedAmount"] == 400 and summary["remainingAmountToCapture"] == 600, captured)
    ok("partial capture: status", captured["transactionInfo"]["status"] == "Captured", captured)
    refused("over-capture: code 61", lambda: shop.capture_payment(order, 700, "x"), error(400, "61"))
    refunded = shop.refund_payment(order, 100, "back")
    summary = refunded["transactionSummary"]
    ok("partial refund: sums", summary["refundedAmount"] == 100 and summary["remainingAmountToRefund"] == 300, refunded)
    refused("over-refund: code 71", lambda: shop.refund_payment(order, 301, "x"), error(400, "71"))
    refused("cancel after capture: code 51", lambda: shop.cancel_payment(order, "x"), error(400, "51"))
    refused("orderId used again: code 34", lambda: shop.init_payment(order, 1000, "x"), error(400, "34"))


def errors(shop):
    refused("unknown order: code 35", lambda: shop.details_payment(unique()), error(404, "35"))
    order = unique()
    shop.force_approve_payment(order, env("PHONE"), token_of(shop.init_payment(order, 1000, "t")))
    refused("refund of a reservation: code 72", lambda: shop.refund_payment(order, 100, "x"), error(400, "72"))
    cancelled = shop.cancel_payment(order, "no")
    nothing_left = cancelled["transactionSummary"]["remainingAmountToCapture"] == 0
    ok("cancel: status Cancelled, nothing left", cancelled["transactionInfo"]["status"] == "Cancelled" and nothing_left, cancelled)

    def initiate(order_id=None, amount=1000, **other):
        return lambda: client(**other).init_payment(order_id or unique(), amount, "t")

    wrong_key = refused("wrong subscription key: 401", initiate(key="0" * 32), error(401, text=INVALID_KEY))
    body = getattr(getattr(wrong_key, "response", None), "text", "")
    ok("... with statusCode and message only", bool(body) and set(wrong_key.response.json()) == {"statusCode", "message"}, body)
    refused("wrong client secret: invalid_client", initiate(client_secret="bad"), error(401, text="invalid_client"))
    nobody = "00000000-0000-0000-0000-000000000000"
    refused("unknown client id: unauthorized_client", initiate(client_id=nobody), error(400, text="unauthorized_client"))
    refused("invalid access token: 401", lambda: client(token="not-a-token").details_payment(order), error(401))
    refused("foreign MSN: 401", initiate(msn="999999"), error(401))
    refused("amount 99: refused, naming the amount", initiate(amount=99), error(400, text="mount"))
    refused("amount as a text: 500, as documented", initiate(amount="ten"), error(500, "99"))
    local = "http://localhost:8080/vipps"
    refused("fallBack on localhost: merchantInfo.fallBack.invalid", initiate(fall_back=local), error(400, "merchantInfo.fallBack.invalid"))
    refused("orderId with a space: refused", initiate("order id 1"), error(400))


def everything():
    shop = client()
    section("flow", lambda: flow(shop))
    section("errors", lambda: errors(shop))


section("the client starts", everything)
done()
