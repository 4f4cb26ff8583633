"""Secrets that AWS Secrets Manager keeps. A setting holds the ARN of one, so that no environment holds the secret."""

from headrace.adapters.aws_client import AwsClient, Refused
from headrace.errors import ConfigError

_REGION, _PARTS = 3, 7
"""arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"""


def read_secret(arn: str) -> str:
    """The text of the secret. Asks each time, so who calls keeps it.

    Raises:
        ConfigError: that is no secret, or it is not text.
        Unavailable: Secrets Manager is down, throttles, or refuses this process.
    """
    parts = arn.split(":", _PARTS - 1)
    if len(parts) != _PARTS or parts[2] != "secretsmanager":
        raise ConfigError(f"{arn} is not the ARN of a secret in Secrets Manager")
    client = AwsClient("secretsmanager", what="the store of secrets", region=parts[_REGION])
    try:
        answer = client.call("get_secret_value", seen={"ResourceNotFoundException"}, SecretId=arn)
    except Refused as refused:
        raise ConfigError(f"there is no secret {arn}") from refused
    finally:
        client.close()
    text = answer.get("SecretString", "").strip()
    if not text:
        raise ConfigError(f"the secret {arn} holds no text")
    return str(text)
