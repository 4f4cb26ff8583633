"""The function as it is deployed: every described route is served, and so is the description."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from functions.control_plane.handler import handler
from headrace import __version__
from headrace.api.openapi import build_document
from headrace.api.openapi_page import POLICY
from headrace.management import ROUTES
from headrace.runtime.feed import Feed
from headrace.runtime.functions import Deadline, Loaded
from headrace.runtime.gateway import Gateway
from headrace.runtime.template import Function
from tests.functions.events import Context, answer_json, content_type, http_event
from tests.unit.runtime.asgi import call, scope_of


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_described_route_is_served_to_those_who_may_call_it(route):
    path = "/api/v1" + re.sub(r"{\w+}", "x", route.path)
    answer = handler(http_event(route.method, path, {"Content-Type": "application/json"}), Context())
    assert answer["statusCode"] == (400 if route.access == "public" else 401)


def test_the_document_is_public_and_is_that_of_the_routes():
    answer = handler(http_event("GET", "/api/v1/openapi.json"), Context())
    assert (answer["statusCode"], content_type(answer)) == (200, "application/json")
    assert answer_json(answer) == build_document(ROUTES, version=__version__, prefix="/prod/api/v1")


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml", "*/*", "application/json", None])
def test_the_page_reaches_a_browser_through_door_and_gateway(accept):
    function = Function("F", Path(), "a.b", timedelta(seconds=3), (("ANY", "/api/{proxy+}"),))
    with ThreadPoolExecutor(1) as threads:
        gateway = Gateway([Loaded(function, handler, Deadline())], threads, Feed(str), 1000)
        headers = [(b"accept", accept.encode())] if accept else []
        answer = call(gateway, scope_of("GET", "/api/docs", headers))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.body.startswith(b"<!doctype html>")
    assert "…".encode() in answer.body


def test_the_document_leads_to_the_api_behind_whatever_the_gateway_has_before_it():
    for asked, server in (
        ("/prod/api/v1/openapi.json", "/prod/api/v1"),
        ("/api/v1/openapi.json", "/api/v1"),
        (None, "/api/v1"),
    ):
        event = http_event("GET", "/api/v1/openapi.json")
        event["requestContext"]["path"] = asked
        assert answer_json(handler(event, Context()))["servers"][0]["url"] == server


def test_another_method_on_the_page_says_what_is_allowed():
    answer = handler(http_event("POST", "/api/docs"), Context())
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET")
