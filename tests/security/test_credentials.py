"""A key opens one door only: what applications hold does not manage, and what people hold does not send."""

import pytest

from headrace.errors import NotAuthenticated
from headrace.teams.domain.keys import new_key, well_formed
from headrace.teams.operations.tokens import SigningKeys, access_token, account_of
from tests.fakes.clock import FakeClock

KEYS = SigningKeys({"k1": "a secret for signing tokens, made up"})


def test_an_api_key_is_no_access_token_nor_the_reverse() -> None:
    with pytest.raises(NotAuthenticated):
        account_of(new_key(), KEYS, FakeClock())
    assert not well_formed(access_token("someone", KEYS, FakeClock()))
