"""Schemathesis: calls made up from an OpenAPI document, right and wrong ones, and answers compared with it.

Two official documents (SPEC_TOKEN, SPEC_ECOM) and our own of the control API (PORTAL_URL). What an answer has that its document has
not is a failed check, unless it stands in `deviations.py`. The calls follow from a seed: the same ones in every run.
EXAMPLES is how many for each operation and kind. SECTIONS: token, ecom, control.
"""
import os
import re
import sys
import warnings
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "_lib"))
import requests  # noqa: E402
import schemathesis  # noqa: E402
import yaml  # noqa: E402
from deviations import DEVIATIONS  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from schemathesis import GenerationMode, checks  # noqa: E402
from tap import done, env, ok, section, unique  # noqa: E402

EXAMPLES = int(os.environ.get("EXAMPLES") or 15)
SEED = 1
# A call takes no longer.
PATIENCE = 10
checks.load_all_checks()
CHECKS = [
    checks.CHECKS.get_one(name)
    for name in ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
]
warnings.simplefilter("ignore")


@schemathesis.serializer("application/jsonl")
def lines(_context, value):
    """A body of JSON lines is whatever text was made up for it."""
    return value if isinstance(value, bytes) else str(value).encode()


met = Counter()
session = requests.Session()


def read(path):
    """The document without what is described in files that are not at hand, and without what merchants serve."""
    with open(path, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    document["paths"] = {
        at: item for at, item in document["paths"].items() if "$ref" not in item and not at.startswith("/{") and "Prefix" not in at
    }
    return document


def failures(case, response):
    """What Schemathesis objects to: one line for each."""
    for check in CHECKS:
        try:
            case.validate_response(response, checks=[check])
        except schemathesis.core.failures.FailureGroup as group:
            for failure in group.exceptions:
                yield f"{failure.title}: {response.status_code}: {failure.message or response.text[:300]}"
        except schemathesis.core.failures.Failure as failure:
            yield f"{failure.title}: {response.status_code}: {failure.message or response.text[:300]}"


def drive(name, document, base, change):
    """Makes calls to every operation of a document. `change` makes one of Schemathesis' calls a likelier one."""
    schema = schemathesis.openapi.from_dict(document)
    statuses = Counter()
    for result in schema.get_all_operations():
        operation = result.ok()
        label = f"{name} {operation.method.upper()} {operation.path}"
        bad = {}

        def once(case):
            number = sum(statuses.values())
            headers = change(case, number)
            response = case.call(base_url=base, headers=headers, session=session, timeout=PATIENCE)
            statuses[response.status_code] += 1
            for failure in failures(case, response):
                row = next((row for row in DEVIATIONS if row[0] == name and re.search(row[1], label) and re.search(row[2], failure)), None)
                if row:
                    met[row] += 1
                else:
                    bad.setdefault(" ".join(failure.split())[:300], case.as_curl_command(headers)[:600])

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                quiet = settings(
                    max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
                )
                seed(SEED)(quiet(given(strategy)(once)))()
            except Exception as error:  # noqa: BLE001
                # An operation without anything to get wrong has no wrong calls.
                if "Unsatisfiable" not in type(error).__name__ and "negative" not in str(error).lower():
                    bad.setdefault(f"{type(error).__name__}: {error}", "")
        for failure, call in bad.items():
            print(f"# {failure}\n#   {call}")
        ok(f"{label}: every answer is as described", not bad, "; ".join(bad))
    made = sum(statuses.values())
    print(f"# {name}: {made} calls, seed {SEED}: {dict(sorted(statuses.items()))}")
    ok(f"{name}: calls were made, and some succeeded", made > 0 and any(status < 300 for status in statuses), statuses)


def keys():
    return {
        "client_id": env("CLIENT_ID"),
        "client_secret": env("CLIENT_SECRET"),
        "Ocp-Apim-Subscription-Key": env("SUBSCRIPTION_KEY"),
    }


def token_flow():
    # Every fourth call has the keys that Schemathesis made up.
    drive("token", read(env("SPEC_TOKEN")), env("BASE_URL"), lambda case, number: keys() if number % 4 else None)


def ecom_flow():
    base = env("BASE_URL")
    # Of so many calls in a minute most would be refused for being too many.
    unit = f"{env('PORTAL_URL')}/control/v1/sales-units/test/{env('MSN')}"
    session.patch(unit, json={"rate_limits": "off"}).raise_for_status()
    right = keys()
    right["Authorization"] = "Bearer " + session.post(f"{base}/accesstoken/get", headers=right).json()["access_token"]
    order = unique()
    body = {
        "merchantInfo": {"merchantSerialNumber": env("MSN"), "callbackPrefix": "https://example.com/c", "fallBack": "https://example.com/f"},
        "customerInfo": {},
        "transaction": {"orderId": order, "amount": 1000, "transactionText": "Socks"},
    }
    session.post(f"{base}/ecomm/v2/payments", headers=right, json=body).raise_for_status()

    def likelier(case, number):
        if number % 4 == 0:
            return None
        if "orderId" in (case.path_parameters or {}) and number % 2:
            case.path_parameters["orderId"] = order
        if isinstance(case.body, dict) and isinstance(case.body.get("merchantInfo"), dict) and number % 3:
            case.body["merchantInfo"] |= body["merchantInfo"]
            if isinstance(case.body.get("transaction"), dict) and "orderId" in case.body["transaction"]:
                case.body["transaction"] |= {"orderId": unique(), "amount": 1000}
        return right

    drive("ecom", read(env("SPEC_ECOM")), base, likelier)


def control_flow():
    portal = env("PORTAL_URL")
    document = session.get(f"{portal}/control/v1/openapi.json").json()
    units = session.get(f"{portal}/control/v1/sales-units").json()
    found = units if isinstance(units, list) else next(iter(units.values()))
    names = {"environment": "test", "msn": found[0]["msn"]} if found else {}

    def likelier(case, number):
        for name, value in names.items():
            if number % 3 and name in (case.path_parameters or {}):
                case.path_parameters[name] = value
        if case.path.endswith("/wait"):
            case.query = {"timeout_seconds": 0}
        return None

    drive("control", document, portal, likelier)


def wanted(name):
    sections = os.environ.get("SECTIONS") or ""
    return not sections or name in sections.split(",")


official = bool(os.environ.get("SPEC_TOKEN"))
for name, flow in (("token", token_flow), ("ecom", ecom_flow)):
    if official and wanted(name):
        section(name, flow)
# Deviations are only missed when everything ran.
for row in DEVIATIONS if official and wanted("token") and wanted("ecom") else []:
    ok(f"deviation still met: {row[:3]}", met[row] > 0, f"no longer: take it off the list ({row[3]})")
    print(f"# deviation: {row[0]} {row[2]}: {met[row]} times ({row[3]})")
# Last, since it makes the platform anew.
if wanted("control"):
    section("control", control_flow)
done()
