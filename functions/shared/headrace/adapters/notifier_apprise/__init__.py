"""The Notifier port through the library `apprise`, an optional extra, held to the rules of the outbound port."""

from headrace.adapters.notifier_apprise.notifier import AppriseNotifier

__all__ = ["AppriseNotifier"]
