"""Signing up, in, on and out; who am I."""

from headrace.api.routes import Answer, Call, Route
from headrace.errors import NotAuthenticated
from headrace.teams.domain.accounts import canonical_email
from headrace.teams.operations import limits
from headrace.teams.operations.accounts import check_password, create_account, get_account
from headrace.teams.operations.limits import count_attempt, forgive, network
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.operations.passwords import turn
from headrace.teams.operations.tokens import ACCESS_LIFE, access_token, end_family, rotate, start_family
from headrace.teams.wire.account_models import LoginIn, RefreshIn, SignupIn, TokensOut, UserOut
from headrace.times import timestamp


def signup(call: Call, needs: TeamsNeeds) -> Answer:
    """Make an account and sign in to it.

    An address that has an account already is refused with 409. Addresses are compared without regard to case.
    """
    body: SignupIn = call.body
    count_attempt(limits.SIGNUP_BY_ADDRESS, network(call.address), needs.telemetry, needs.clock)
    count_attempt(limits.SIGNUP_BY_ACCOUNT, canonical_email(body.email), needs.telemetry, needs.clock)
    with turn():
        account_id = create_account(body.email, body.password, needs.config, needs.clock, name=body.name)
    return _tokens(account_id, start_family(account_id, needs.config, needs.clock), needs)


def login(call: Call, needs: TeamsNeeds) -> Answer:
    """Sign in with e-mail address and password.

    A wrong address and a wrong password give the same answer. After ten failures an address has to wait a few
    minutes, whether or not it has an account.
    """
    body: LoginIn = call.body
    count_attempt(limits.LOGIN_BY_ADDRESS, network(call.address), needs.telemetry, needs.clock)
    with turn():  # counted when it is tried: whoever waits has not failed yet
        attempt = count_attempt(limits.LOGIN_BY_ACCOUNT, canonical_email(body.email), needs.telemetry, needs.clock)
        account_id = check_password(body.email, body.password, needs.config)
        forgive(attempt, needs.telemetry)
    return _tokens(account_id, start_family(account_id, needs.config, needs.clock), needs)


def refresh(call: Call, needs: TeamsNeeds) -> Answer:
    """Exchange a refresh token for a new pair of tokens.

    The old one is void. Using it again ends the whole session, since somebody may have a copy of it. Of two
    requests with the same token at the same moment one gets the new pair and the other 401; the session goes on.
    """
    body: RefreshIn = call.body
    account_id, successor = rotate(body.refresh_token, needs.config, needs.clock)
    return _tokens(account_id, successor, needs)


def logout(call: Call, needs: TeamsNeeds) -> Answer:
    """End the session that a refresh token belongs to.

    None of its refresh tokens works any more; an access token runs out by itself within 15 minutes. A token that
    is unknown, or signed out already, is no error.
    """
    body: RefreshIn = call.body
    end_family(body.refresh_token, needs.config)
    return Answer()


def me(call: Call, needs: TeamsNeeds) -> Answer:
    """The account that the access token belongs to."""
    return Answer(_user(call.account_id, needs))


def _tokens(account_id: str, refresh_token: str, needs: TeamsNeeds) -> Answer:
    return Answer(
        TokensOut(
            access_token=access_token(account_id, needs.signing_keys, needs.clock),
            refresh_token=refresh_token,
            expires_in=int(ACCESS_LIFE.total_seconds()),
            user=_user(account_id, needs),
        )
    )


def _user(account_id: str, needs: TeamsNeeds) -> UserOut:
    account = get_account(account_id, needs.config)
    if account is None:
        raise NotAuthenticated("this account is gone")
    return UserOut(
        id=account_id,
        email=account["email"],
        name=account.get("name", ""),
        created_at=timestamp(account["created_unix_nano"]),
    )


ROUTES = (
    Route("POST", "/auth/signup", "public", signup, "Sign up", SignupIn, None, TokensOut, 201, (409, 429)),
    Route("POST", "/auth/login", "public", login, "Sign in", LoginIn, None, TokensOut, 200, (401, 429)),
    Route("POST", "/auth/refresh", "public", refresh, "Refresh tokens", RefreshIn, None, TokensOut, 200, (401,)),
    Route("POST", "/auth/logout", "public", logout, "Sign out", RefreshIn, None, None, 204),
    Route("GET", "/me", "account", me, "Who am I", None, None, UserOut),
)
