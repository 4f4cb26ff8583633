"""Pipelines and sinks sealed anew, for `upkeep.operations.rotate_secrets`."""

from typing import Any

from headrace.ports.table import Item
from headrace.ports.vault import Vault
from headrace.route.wire import items


def reseal_pipeline(item: Item, vault: Vault) -> dict[str, Any]:
    """The attributes of a stored pipeline that hold secrets, sealed anew. Raises InvalidInput, Unavailable."""
    pipeline = items.decode_pipeline(item).with_secrets(vault.reseal)
    return {
        "signing_secret": pipeline.signing_secret,
        "old_secrets": items.encode_old_secrets(pipeline.old_secrets),
    }


def reseal_sink(item: Item, vault: Vault) -> dict[str, Any]:
    """The same of a stored sink."""
    sink = items.decode_sink(item).with_secrets(vault.reseal)
    return {
        "url": sink.url,
        "headers": dict(sink.headers),
        "signing_secret": sink.signing_secret,
        "old_secrets": items.encode_old_secrets(sink.old_secrets),
    }


RESEALERS = {"pipeline": reseal_pipeline, "sink": reseal_sink}
"""By the first part of their sort keys."""
