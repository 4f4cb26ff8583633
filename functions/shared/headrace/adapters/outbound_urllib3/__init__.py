"""Requests to users' addresses through urllib3's connections: checked, kept, bounded in time and size.

`urls` reads what a user typed, `network` resolves, checks and connects, `connections` speaks HTTP within one time
limit, `idle` keeps connections for the next request, `outbound` puts them together.

The sessions of `requests` are left out on purpose: they keep cookies of one user's address for another's, believe
proxies and .netrc files of the environment, and take twice the time.
"""

from headrace.adapters.outbound_urllib3.network import Network
from headrace.adapters.outbound_urllib3.outbound import Urllib3Outbound

__all__ = ["Network", "Urllib3Outbound"]
