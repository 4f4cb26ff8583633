"""Roles in a project, from least to most: each may do what those before it may."""

from typing import Literal

Role = Literal["viewer", "editor", "admin", "owner"]
ROLES: tuple[Role, ...] = ("viewer", "editor", "admin", "owner")


def includes(role: Role, needed: Role) -> bool:
    """Whether `role` may do what asks for `needed`."""
    return ROLES.index(role) >= ROLES.index(needed)
