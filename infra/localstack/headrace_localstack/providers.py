"""DynamoDB for LocalStack without Java: every operation goes to the moto that LocalStack brings."""

import threading
from typing import Any

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="dynamodb", name="moto")
def dynamodb_moto() -> Service:
    """The provider. Calls go one by one, since moto's DynamoDB loses updates of concurrent threads."""
    from localstack.aws.api.dynamodb import DynamodbApi
    from localstack.aws.forwarder import ForwardingFallbackDispatcher
    from localstack.services.moto import call_moto

    lock = threading.Lock()

    class MotoDynamoDB(DynamodbApi):
        """Implements nothing, so that everything is forwarded."""

    def locked(context: Any, _: Any) -> Any:
        with lock:
            return call_moto(context)

    def dispatch_table(provider: Any) -> Any:
        return ForwardingFallbackDispatcher(provider, locked)

    return Service.for_provider(MotoDynamoDB(), dispatch_table_factory=dispatch_table)
