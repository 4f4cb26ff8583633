"""Requests to users' addresses through urllib3's connections: checked, kept, bounded in time and size.

`urls` reads what a user typed, `network` resolves, checks and connects, `connections` speaks HTTP within one time
limit, `idle` keeps connections for the next request, `outbound` puts them together.

urllib3's pools and `requests` are left out on purpose. A session keeps cookies of one user's address for another's;
both believe proxies and .netrc files of the environment, or can be told to; and they cost two to three times the time
of the connections themselves.
"""

from headrace.adapters.outbound_urllib3.network import Network
from headrace.adapters.outbound_urllib3.outbound import Urllib3Outbound

__all__ = ["Network", "Urllib3Outbound"]
