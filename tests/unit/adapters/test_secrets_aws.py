import boto3
import pytest
from moto import mock_aws

from headrace.adapters.secrets_aws import read_secret
from headrace.errors import ConfigError

REGION = "eu-west-1"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch):
    """Secrets Manager in another region than the one that boto3 would choose."""
    for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        yield boto3.client("secretsmanager", region_name=REGION)


def test_a_secret_is_read_from_the_region_of_its_arn(aws):
    arn = aws.create_secret(Name="jwt", SecretString=" s3cret\n")["ARN"]
    assert read_secret(arn) == "s3cret"


def test_a_secret_that_is_not_there_is_named(aws):
    arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:gone-AbCdEf"
    with pytest.raises(ConfigError, match=r"there is no secret arn:aws:secretsmanager:.*gone"):
        read_secret(arn)


def test_a_secret_that_is_no_text_is_named(aws):
    arn = aws.create_secret(Name="bytes", SecretBinary=b"\0")["ARN"]
    with pytest.raises(ConfigError, match="holds no text"):
        read_secret(arn)


@pytest.mark.parametrize("text", ["arn:aws:s3:::bucket", "arn:aws:ssm:eu-west-1:123456789012:parameter/jwt", "arn:"])
def test_what_is_no_secret_is_refused(text):
    with pytest.raises(ConfigError, match="is not the ARN of a secret"):
        read_secret(text)
