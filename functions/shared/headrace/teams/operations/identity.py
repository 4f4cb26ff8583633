"""Identity: who an access token belongs to, and what that account may do in a project."""

from dataclasses import dataclass

from headrace.api.roles import Role
from headrace.errors import NotFound
from headrace.ports.clock import Clock
from headrace.ports.items import project_pk
from headrace.ports.table import Table
from headrace.teams.operations.tokens import SigningKeys, account_of
from headrace.teams.wire import items
from headrace.upkeep.wire.items import PROJECT, is_live


@dataclass(frozen=True, slots=True)
class Members:
    """See `api.dispatch.Identity`."""

    config: Table
    signing_keys: SigningKeys
    clock: Clock

    def account_of(self, token: str) -> str:
        """See `Identity.account_of`."""
        return account_of(token, self.signing_keys, self.clock)

    def role_in(self, project_id: str, account_id: str) -> Role:
        """See `Identity.role_in`."""
        pk, sk = project_pk(project_id), items.member_sk(account_id)
        found = {item["sk"]: item for item in self.config.batch_get([(pk, PROJECT), (pk, sk)])}
        if sk not in found or not is_live(found.get(PROJECT)):
            raise NotFound("there is no such project")
        role: Role = found[sk]["role"]
        return role
