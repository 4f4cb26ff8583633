"""Keys of stored items: accounts, projects' members and API keys.

config table                                     pk               sk                 gsi_pk        gsi_sk
  account                                        account#ID       account
  e-mail, unique                                 email#ADDRESS    email
  project, see also `upkeep.wire.items`          project#ID       project
  membership                                     project#ID       member#ACCOUNT     account#ID    project#ID
  API key                                        key#HASH         key                project#ID    key#ID
  refresh token, see `operations.tokens`         refresh#HASH     refresh
  family of refresh tokens                       family#ID        family
telemetry table
  attempts to sign in and up                     limit#NAME#HASH  END OF WINDOW
"""

from headrace.teams.domain.accounts import canonical_email

KEY, ACCOUNT, EMAIL = "key", "account", "email"
MEMBER_PREFIX, KEY_PREFIX, ACCOUNT_PREFIX = "member#", "key#", "account#"


def key_pk(key_hash: str) -> str:
    """Partition of one API key, found by the hash of the key."""
    return KEY_PREFIX + key_hash


def account_pk(account_id: str) -> str:
    """Partition of one account."""
    return ACCOUNT_PREFIX + account_id


def member_sk(account_id: str) -> str:
    """Sort key of an account's membership in a project."""
    return MEMBER_PREFIX + account_id


def key_gsi_sk(key_id: str) -> str:
    """Sort key of an API key in the index, among those of its project."""
    return KEY_PREFIX + key_id


def email_pk(email: str) -> str:
    """Partition that makes an e-mail address belong to one account."""
    return f"email#{canonical_email(email)}"
