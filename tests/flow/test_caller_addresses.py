"""Whose address counts: the peer's, unless the peer is a proxy that the deployment trusts."""

from typing import Any

import pytest
import requests

from tests.flow.deployment import LONGEST_SECONDS, Deployment

_CLAIMED = "198.51.100.7"


def address_on_record(deployment: Deployment, **settings: str) -> str:
    """Of somebody who adds a key and claims to come from elsewhere."""
    base = f"{deployment.start(**settings).url}/api/v1"

    def send(method: str, path: str, **how: Any) -> Any:
        answer = requests.request(method, base + path, timeout=LONGEST_SECONDS, **how)
        assert answer.ok, answer.text
        return answer.json()

    mine = deployment.credentials
    token = send("POST", "/auth/login", json={"email": mine.email, "password": mine.password})["access_token"]
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": _CLAIMED}
    send("POST", f"/projects/{mine.project_id}/api-keys", json={"name": "second"}, headers=headers)
    newest = send("GET", f"/projects/{mine.project_id}/audit", headers=headers)["items"][0]
    return newest["address"]


@pytest.mark.parametrize(
    ("trusted", "address"), [("", "127.0.0.1"), ("192.0.2.0/24", "127.0.0.1"), ("127.0.0.1", _CLAIMED)]
)
def test_a_claimed_address_is_believed_of_trusted_proxies_only(deployment, trusted, address):
    assert address_on_record(deployment, HEADRACE_TRUSTED_PROXIES=trusted) == address
