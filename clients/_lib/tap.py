"""Environment and check reporter of the Python drivers."""
import json
import os
import random
import sys
import time

_passed = 0
_failed = 0


def _short(value):
    if isinstance(value, BaseException):
        value = f"{type(value).__name__}: {value}"
    elif not isinstance(value, str):
        try:
            value = json.dumps(value)
        except TypeError:
            value = repr(value)
    return " ".join(value.split())[:400]


def ok(name, condition, instead=""):
    global _passed, _failed
    if condition:
        _passed += 1
        print(f"ok {name}", flush=True)
    else:
        _failed += 1
        print(f"not ok {name} - {_short(instead)}", flush=True)
    return bool(condition)


def refused(name, call, test):
    """`call` must raise what `test` accepts; returns the exception."""
    try:
        result = call()
    except Exception as error:
        ok(name, test(error), error)
        return error
    ok(name, False, {"returned": str(result)[:200]})
    return None


def section(name, run):
    """Runs one part of the flow; what it raises is a failed check."""
    try:
        run()
    except Exception as error:
        ok(name, False, error)


def done():
    print(f"{_passed} passed, {_failed} failed")
    sys.exit(1 if _failed else 0)


def env(name):
    value = os.environ.get(name)
    if not value:
        print(f"missing environment: {name}", file=sys.stderr)
        sys.exit(2)
    return value.rstrip("/") if name == "BASE_URL" else value


def unique():
    """A name that no earlier run used."""
    return f"shop-{int(time.time() * 1000):x}-{random.randrange(16**6):06x}"
