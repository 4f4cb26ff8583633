"""Secrets on their way into the tables: sealed, or kept when the change shows only their stars."""

from headrace.errors import InvalidInput
from headrace.ports.secrets import HIDDEN
from headrace.ports.vault import Vault


def seal(given: str, stored: str | None, field: str, vault: Vault) -> str:
    """`given`, sealed; for `***` what is `stored`, sealed anew, so that it never needs an older key than the rest.

    Raises:
        InvalidInput: nothing is stored that could be kept.
        Unavailable: what is stored was sealed with a key that is gone.
    """
    if given != HIDDEN:
        return vault.seal(given)
    if stored is None:
        raise InvalidInput(f"{field}: {HIDDEN} keeps the stored value, and there is none", field=field)
    return vault.reseal(stored)
