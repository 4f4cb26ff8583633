"""Starts LocalStack in host mode, bound to loopback only, with the plugins of this package."""

import functools
import os
import tempfile

DEFAULTS = {
    "GATEWAY_LISTEN": "127.0.0.1:4566",
    "LAMBDA_RUNTIME_EXECUTOR": "host",
    "PROVIDER_OVERRIDE_DYNAMODB": "moto",
    "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0",  # ask SQS again at once, and
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",  # after 1 s (not 10) when it was empty
    "SQS_ENDPOINT_STRATEGY": "path",  # queue URLs that need no DNS
    "DISABLE_EVENTS": "1",  # no usage statistics
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DNS_ADDRESS": "0",  # no DNS server
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}
"""A variable that is already set wins."""


def main() -> None:
    """Run until SIGTERM."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    port = os.environ["GATEWAY_LISTEN"].rpartition(":")[2]
    os.environ.setdefault("LOCALSTACK_HOST", f"localhost:{port}")  # the host in URLs that it hands out
    with tempfile.TemporaryDirectory(prefix="headrace-localstack-", ignore_cleanup_errors=True) as root:
        os.environ.setdefault("FILESYSTEM_ROOT", root)
        tempfile.tempdir = root  # LocalStack unzips the code of functions and layers below this folder
        _run()


def _run() -> None:
    from localstack.runtime.main import main as run_localstack  # reads the variables when it is imported

    from headrace_localstack import apigateway

    _listen_on_loopback()
    apigateway.apply()
    run_localstack()


def _listen_on_loopback() -> None:
    """LocalStack's server ignores the host in GATEWAY_LISTEN and would bind to every address."""
    from twisted.internet import endpoints

    endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")


if __name__ == "__main__":
    main()
