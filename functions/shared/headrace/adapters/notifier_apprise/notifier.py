"""Notifications through apprise: https://github.com/caronc/apprise."""

from typing import Any

from headrace import events
from headrace.adapters.notifier_apprise.exchange import CURRENT, Exchange
from headrace.errors import InvalidInput
from headrace.observability import crash
from headrace.ports.addresses import AddressRules
from headrace.ports.notifications import Notification
from headrace.ports.notifier import Notified
from headrace.ports.outbound import NoAnswer, Outbound

_PERMANENT_REPLY = "5"
"""What replies of a mail server begin with that will not change (RFC 5321 section 4.2.1)."""


def _plugin(url: str) -> Any:
    """Imported late: it needs `requests`, and a sink function that notifies nobody starts without."""
    from headrace.adapters.notifier_apprise.plugins import make_plugin

    return make_plugin(url)


class AppriseNotifier:
    """See `ports.notifier.Notifier`. All HTTP goes through `outbound`; `rules` are for e-mail, which is no HTTP."""

    def __init__(self, outbound: Outbound, rules: AddressRules) -> None:
        self._outbound = outbound
        self._rules = rules

    def check(self, url: str) -> None:
        """See `Notifier.check`."""
        _plugin(url)

    def notify(self, notification: Notification) -> Notified:
        """See `Notifier.notify`."""
        plugin = _plugin(notification.url)
        exchange = Exchange(self._outbound, self._rules, notification.timeout)
        token = CURRENT.set(exchange)
        try:
            taken = plugin.notify(
                body=notification.body, title=notification.title, notify_type=notification.level, body_format="text"
            )
        except (NoAnswer, InvalidInput):
            raise
        except Exception as fault:  # noqa: BLE001 - of 150 plugins; it must not cost other sinks anything
            crash(events.PluginFailed())
            taken, exchange.words = False, f"could not be notified: {type(fault).__name__} in the plugin of the service"
        finally:
            CURRENT.reset(token)
        if taken:
            return Notified(taken=True, response=exchange.response)
        if exchange.problem is not None:
            raise exchange.problem
        if exchange.reply.startswith(_PERMANENT_REPLY):
            raise InvalidInput(f"was refused by the mail server: {exchange.reply}", field="url")
        reason = exchange.reply and f"was answered by the mail server: {exchange.reply}"
        return Notified(taken=False, response=exchange.response, reason=reason or exchange.words)
