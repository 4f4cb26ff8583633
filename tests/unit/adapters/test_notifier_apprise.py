"""Apprise within our rules: what it sends goes through the outbound port, and what could go round it is refused."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest

from headrace.adapters.notifier_apprise import AppriseNotifier, plugins
from headrace.errors import InvalidInput
from headrace.ports.addresses import AddressRules
from headrace.ports.notifications import Notification
from headrace.ports.outbound import NoAnswer, OutboundResponse
from tests.fakes.http import PATIENCE_SECONDS, nobody
from tests.fakes.outbound import FakeOutbound
from tests.fakes.smtp import mail_server

INSIDE, OUTSIDE_ONLY = AddressRules(private_allowed=True), AddressRules()
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"


def notify(url, outbound=None, rules=INSIDE, **fields):
    told = Notification(url, "Pool exhausted", "12 connections", "failure", **fields)
    return AppriseNotifier(outbound or FakeOutbound(), rules).notify(told)


def refusal(url):
    with pytest.raises(InvalidInput) as caught:
        AppriseNotifier(FakeOutbound(), INSIDE).check(url)
    assert caught.value.field == "url"
    return str(caught.value)


# --- HTTP -----------------------------------------------------------------------------------------------------


def test_title_body_and_level_reach_the_service_through_the_outbound_port():
    outbound = FakeOutbound(200)
    assert notify("json://service.example/x", outbound).taken
    (request,) = outbound.requests
    assert (request.url, request.method) == ("http://service.example/x", "POST")
    (body,) = outbound.bodies
    assert (body["title"], body["message"], body["type"]) == ("Pool exhausted", "12 connections", "failure")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (DISCORD, "https://discord.com/"),
        ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "https://discord.com/"),
        ("pagerduty://A1B2C3D4E5F6@abc", "https://events.pagerduty.com/"),
        ("opsgenie://8b799edf-6f98-4d3a-9be7-2862fb4e5752", "https://api.opsgenie.com/"),
        ("workflows://prod-1.westus.logic.azure.com:443/workflow1/sig1/", "https://prod-1.westus.logic.azure.com"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "https://api.telegram.org/"),
        ("ntfys://ntfy.example/alerts", "https://ntfy.example"),
    ],
)
def test_well_known_services_are_reached_that_way(url, host):
    outbound = FakeOutbound(OutboundResponse(200, {}, b'{"ok": true, "result": "processed", "requestId": "1"}'))
    notify(url, outbound)
    assert outbound.requests
    assert all(request.url.startswith(host) for request in outbound.requests)


def test_more_than_two_hundred_kinds_of_urls_are_allowed_and_each_other_is_refused():
    library = plugins.library()
    from apprise.plugins import N_MGR

    allowed, refused = set(), set()
    for schema in N_MGR.schemas():
        try:
            plugins._check(schema, N_MGR[schema])
            allowed.add(schema)
        except InvalidInput:
            refused.add(schema)
    assert len(allowed) > 200
    assert {"discord", "slack", "mailto", "mailtos", "pagerduty", "opsgenie", "json", "workflows"} <= allowed
    inward = {"syslog", "rsyslog", "dbus", "gnome", "glib", "macosx", "windows", "mqtt", "irc", "growl", "vapid"}
    assert inward & set(N_MGR.schemas()) <= refused
    assert library is plugins.library()


def test_redirects_are_not_followed_whatever_the_url_asks_for():
    outbound = FakeOutbound(OutboundResponse(302, {"Location": "http://169.254.169.254/"}, b""), 200)
    notified = notify("json://service.example/x?redirect=yes&verify=no", outbound)
    assert (notified.taken, notified.response.status, len(outbound.requests)) == (False, 302, 1)


def test_a_throttled_service_is_not_waited_for_in_here():
    outbound = FakeOutbound(OutboundResponse(429, {"Retry-After": "600"}, b'{"retry_after": 600}'))
    notified = notify(DISCORD, outbound)
    assert (notified.taken, notified.response.status) == (False, 429)
    assert notified.response.headers["retry-after"] == "600"


def test_an_address_that_the_outbound_port_refuses_is_bad_input():
    outbound = FakeOutbound(InvalidInput("leads inside", field="url"))
    with pytest.raises(InvalidInput, match="leads inside"):
        notify("json://10.0.0.1/x", outbound)


def test_silence_is_told_apart_from_a_refusal():
    with pytest.raises(NoAnswer, match="is away"):
        notify("json://service.example/", FakeOutbound(NoAnswer("is away")))


def test_the_time_limit_is_for_the_whole_notification():
    with pytest.raises(NoAnswer, match="no answer within 0 s"):
        notify("json://service.example/", timeout=timedelta(0))


def test_nothing_is_printed(capfd):
    notify("json://service.example/", FakeOutbound(500))
    assert capfd.readouterr() == ("", "")


# --- what must not be used ------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["syslog://", "dbus://", "gnome://", "mqtt://localhost/x", "irc://localhost/x"])
def test_what_is_neither_http_nor_mail_is_not_allowed(url):
    assert "is not allowed" in refusal(url)


@pytest.mark.parametrize("url", ["", "banana", "file:///etc/passwd", "http://example.com/x", "discord://", "x://y"])
def test_what_is_no_whole_url_of_a_service_is_refused(url):
    assert "https://appriseit.com/services" in refusal(url)


@pytest.mark.parametrize(
    "url",
    [
        f"{DISCORD}?template=/etc/passwd",
        f"{DISCORD}?template=http://169.254.169.254/latest",
        "workflows://host/a/b?template=/etc/passwd",
        "tgram://123456789:abcdefg_hijklmnop/1/?template=/etc/passwd",
        "mailto://u:p@example.com?pgp=encrypt",
    ],
)
def test_an_address_that_leads_to_a_file_or_another_request_is_refused(url):
    assert "names a file" in refusal(url)


def test_without_the_extra_the_answer_names_it(monkeypatch):
    plugins.library.cache_clear()
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert "pip install 'headrace[apprise]'" in refusal("mailto://u:p@example.com")
    plugins.library.cache_clear()


def test_what_a_plugin_tries_outside_of_a_notification_fails():
    from apprise.plugins import custom_json

    plugins.make_plugin("json://service.example/")
    with pytest.raises(custom_json.requests.RequestException):
        custom_json.requests.post("http://127.0.0.1:9/")
    assert not hasattr(custom_json.requests, "Session")


# --- e-mail ---------------------------------------------------------------------------------------------------


def mail_url(port):
    return f"mailto://127.0.0.1:{port}?from=headrace@example.com&to=on-call@example.com&mode=insecure"


def test_a_mail_arrives():
    with mail_server() as server:
        assert notify(mail_url(server.port)).taken
    (mail,) = server.mails
    assert mail.recipients == ("on-call@example.com",)
    assert "Subject: Pool exhausted" in mail.text
    assert "12 connections" in mail.text


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_refusal_of_the_mail_server_that_will_not_change_is_final(command):
    with mail_server() as server:
        server.replies[command] = "550 no such user"
        with pytest.raises(InvalidInput, match="550 no such user"):
            notify(mail_url(server.port))


@pytest.mark.parametrize(("command", "reply"), [("CONNECT", "421 too busy"), ("RCPT", "450 mailbox is locked")])
def test_a_moment_of_the_mail_server_is_tried_again(command, reply):
    with mail_server() as server:
        server.replies[command] = reply
        notified = notify(mail_url(server.port))
    assert (notified.taken, notified.response) == (False, None)
    assert reply in notified.reason


def test_a_mail_server_that_never_stops_talking_is_no_answer_once_the_time_is_up():
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        talking = pool.submit(_talk, listener)
        with pytest.raises(NoAnswer, match=r"within 0\.3 s"):
            notify(mail_url(listener.getsockname()[1]), timeout=timedelta(seconds=0.3))
        assert talking.result(PATIENCE_SECONDS) < 400


def _talk(listener):
    """The lines that were said until the other side hung up."""
    connection, _ = listener.accept()
    hung_up = Event()
    with connection:
        for said in range(500):
            try:
                connection.sendall(b"220-and another thing\r\n")
            except OSError:
                return said
            hung_up.wait(0.01)
    return 500


def test_a_mail_server_with_a_name_that_cannot_be_looked_up_is_a_failure_like_any_other():
    notified = notify(f"mailto://user:password@example.com?smtp={'a' * 70}.example&to=on-call@example.com")
    assert (notified.taken, notified.response) == (False, None)
    assert "UnicodeError" in notified.reason


def test_a_mail_server_that_is_down_is_tried_again():
    with nobody() as port:
        notified = notify(mail_url(port))
    assert (notified.taken, bool(notified.reason)) == (False, True)


def test_a_mail_server_inside_is_refused_before_a_word_is_said_to_it():
    with mail_server() as server, pytest.raises(InvalidInput, match="leads inside"):
        notify(mail_url(server.port), rules=OUTSIDE_ONLY)
    assert (server.commands, server.mails) == ([], [])
