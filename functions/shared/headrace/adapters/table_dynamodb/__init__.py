"""The Table port on Amazon DynamoDB: one DynamoDB table for each logical one, with the index `gsi` and time-to-live.

`table` walks from the port to calls; `expressions` writes conditions and changes in DynamoDB's language, `codec` items
as attribute values. Checks of what the port takes are in `ports/table_rules` and `ports/table_ranges`.
"""

from headrace.adapters.table_dynamodb.table import DynamoTable

__all__ = ["DynamoTable"]
