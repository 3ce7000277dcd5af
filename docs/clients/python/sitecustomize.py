"""Leads a Python program's calls of the real hosts to a Sandkasse that speaks HTTPS, without a change to the program:

    REQUESTS_CA_BUNDLE=.sandkasse/certs/ca.pem SSL_CERT_FILE=.sandkasse/certs/ca.pem \\
    PYTHONPATH=docs/clients/python python shop.py

Python runs this file by itself when it finds it. Only where a connection goes is changed: the name that is asked for and
verified stays the real one, so the certificate has to be for it (`sandkasse certs apitest.vipps.no api.vipps.no`). It knows
whatever asks Python's own `socket` for addresses: requests, urllib, urllib3, httpx (its
`AsyncClient` with port 443 only), aiohttp. More in docs/clients.md.
"""
import os
import socket
from urllib.parse import urlsplit

_PLACES = {}
_anywhere = socket.getaddrinfo


def _lead(hosts, variable, usual):
    url = urlsplit(os.environ.get(variable) or usual)
    if url.scheme != "https":
        raise RuntimeError(f"{variable} is {url.geturl()}: only https:// is led to")
    for host in hosts:
        _PLACES[host] = (url.hostname, url.port or 443)


def _addresses(host, port, *args, **more):
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str):
        host, port = _PLACES.get(name.lower().rstrip("."), (host, port))
    return _anywhere(host, port, *args, **more)


_lead(["apitest.vipps.no", "apitest.vippsmobilepay.com"], "SANDKASSE_TEST_URL", "https://127.0.0.1:7480")
_lead(["api.vipps.no", "api.vippsmobilepay.com"], "SANDKASSE_PRODUCTION_URL", "https://127.0.0.1:7481")
socket.getaddrinfo = _addresses
