"""Which plugins of apprise may be used, and how they are kept from going their own ways.

A plugin may be used when all it has for reaching others is `requests`, which is replaced by our own: about 150 of
them, and e-mail, whose `smtplib` is replaced too. Others open sockets, start programs or talk to the desktop of the
machine that they run on; they are refused, and so is what is new and does any of that. An address that makes a
plugin read a file of this machine (a template, a key) is refused as well.
"""

import logging
import sys
import warnings
from functools import cache
from types import ModuleType
from typing import Any

from headrace.adapters.notifier_apprise.exchange import LastWords
from headrace.adapters.notifier_apprise.http import REQUESTS
from headrace.adapters.notifier_apprise.mail import SMTPLIB
from headrace.errors import InvalidInput

_PLUGINS = "apprise.plugins."
_MAIL = "apprise.plugins.email"
_HARMLESS = frozenset(
    {"base64", "calendar", "contextlib", "contextvars", "dataclasses", "gzip", "hashlib", "hmac", "io", "json"}
    | {"logging", "math", "os", "random", "re", "secrets", "string", "struct", "sys", "threading", "time", "uuid"}
    | {"apprise", "cryptography", "email"}
)
"""First parts of modules that reach nobody. `os` is there for names of files, which only attachments lead to."""
_ROUNDABOUT = ("apprise.utils.socket", "apprise.utils.http", "apprise.utils.wkd")
_BOUNDED = frozenset({"apprise.plugins.bluesky", "apprise.plugins.matrix"})
"""They take only helpers that read an answer or check a URL from there."""

_MISSING = "sinks of type apprise need the extra `apprise`, which is not installed: pip install 'headrace[apprise]'"


@cache
def library() -> Any:
    """The library with all its plugins, made quiet. Raises InvalidInput when the extra is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one plugin imports what Python 3.13 does not have any more
            import apprise
            from apprise.plugins import N_MGR

            N_MGR.load_modules()  # type: ignore[no-untyped-call]
    except ImportError as missing:
        raise InvalidInput(_MISSING, field="url") from missing
    apprise.logger.propagate = False
    apprise.logger.addHandler(LastWords())
    apprise.logger.setLevel(logging.WARNING)
    return apprise


def make_plugin(url: str) -> Any:
    """The plugin that `url` (apprise's, or one that it recognises as a service's own) describes, ready to notify.

    Raises:
        InvalidInput: the extra is not installed, no service is known by this URL, or it must not be used here.
    """
    apprise = library()
    from apprise.plugins import N_MGR, url_to_dict

    described = url_to_dict(url)  # type: ignore[no-untyped-call]
    if described is None:
        raise InvalidInput("must be a URL of apprise that is whole: https://appriseit.com/services", field="url")
    schema = described["schema"]
    _check(schema, N_MGR[schema])
    asset = apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY, async_mode=False)
    made = apprise.Apprise.instantiate(described, asset=asset)
    if made is None:
        raise InvalidInput(f"must be a whole URL of the service {schema}: https://appriseit.com/services", field="url")
    if _reads_files(made, apprise.AppriseAttachment):
        raise InvalidInput(f"names a file, and the service {schema} must not read files here", field="url")
    made.throttle = lambda *_, **__: None  # it would sleep; the retry ladder waits instead
    return made


def _check(schema: str, plugin: type) -> None:
    packages = {_package(each.__module__) for each in plugin.__mro__ if each.__module__.startswith(_PLUGINS)}
    packages.discard(_PLUGINS + "base")
    allowed = [_holds(package) for package in sorted(packages)]
    if not allowed or not all(allowed):
        raise InvalidInput(f"the service {schema} is not allowed: it needs more than HTTP or e-mail", field="url")


@cache
def _holds(package: str) -> bool:
    """Whether the modules of a plugin can be held to our ways, which they are then."""
    modules = [module for name, module in sorted(sys.modules.items()) if f"{name}.".startswith(f"{package}.")]
    if package != _MAIL and not all(_is_harmless(module, package) for module in modules):
        return False
    replaced = [_replace(module, "requests", REQUESTS) for module in modules]
    if package == _MAIL:
        replaced += [_replace(module, "smtplib", SMTPLIB) for module in modules]
    return any(replaced)


def _package(module: str) -> str:
    return ".".join(module.split(".")[:3])


def _is_harmless(module: ModuleType, package: str) -> bool:
    for value in vars(module).values():
        root = value.__name__.partition(".")[0] if isinstance(value, ModuleType) else ""
        if root and root not in _HARMLESS and root != "requests":
            return False
        if str(getattr(value, "__module__", "")).startswith(_ROUNDABOUT) and package not in _BOUNDED:
            return False
    return True


def _replace(module: ModuleType, name: str, ours: Any) -> bool:
    if not isinstance(vars(module).get(name), ModuleType):
        return vars(module).get(name) is ours
    setattr(module, name, ours)
    return True


def _reads_files(plugin: Any, attachment: Any) -> bool:
    """Whether an address asked for a template or key from a file, or for encryption of mail with keys from one."""
    named = any(isinstance(value, attachment) and len(value) for value in vars(plugin).values())
    return named or getattr(plugin, "pgp_mode", "no") != "no"
