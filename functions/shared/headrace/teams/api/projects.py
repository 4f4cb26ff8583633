"""Projects: each has queues, members, API keys, a pipeline and sinks of its own."""

from headrace import events
from headrace.api.models import PageIn
from headrace.api.roles import Role
from headrace.api.routes import Answer, Call, Route
from headrace.observability import emit
from headrace.ports.table import Item
from headrace.teams.operations import projects
from headrace.teams.operations.needs import TeamsNeeds
from headrace.teams.wire.project_models import ProjectIn, ProjectOut, ProjectsOut
from headrace.times import timestamp


def list_projects(call: Call, needs: TeamsNeeds) -> Answer:
    """The projects that you are a member of, with your role in each."""
    query: PageIn = call.query
    listed, cursor = projects.page_of_projects(call.account_id, needs.config, limit=query.limit, cursor=query.cursor)
    return Answer(ProjectsOut(items=[_project(item, role) for item, role in listed], next_cursor=cursor))


def create_project(call: Call, needs: TeamsNeeds) -> Answer:
    """Make a project, with its queues. You are its owner."""
    body: ProjectIn = call.body
    project_id = projects.create_project(body.name, call.account_id, needs, address=call.address)
    return Answer(_project(projects.load_project(project_id, needs.config), "owner"))


def get_project(call: Call, needs: TeamsNeeds) -> Answer:
    """One project."""
    return Answer(_project(projects.load_project(call.project_id, needs.config), call.role))


def rename_project(call: Call, needs: TeamsNeeds) -> Answer:
    """Give a project another name."""
    body: ProjectIn = call.body
    projects.rename_project(call, body.name, needs)
    return Answer(_project(projects.load_project(call.project_id, needs.config), call.role))


def delete_project(call: Call, needs: TeamsNeeds) -> Answer:
    """Delete a project: its keys, queues and what is on them, subscriptions, and all that is stored of it.

    It is gone for everybody at once. API keys stop working within the time that they are remembered, 30 seconds unless
    configured otherwise.
    """
    projects.delete_project(call, needs)
    emit(events.ProjectDeleted(project_id=call.project_id, account_id=call.account_id, address=call.address))
    return Answer()


def _project(item: Item, role: Role) -> ProjectOut:
    return ProjectOut(
        id=projects.project_id_of(item), name=item["name"], role=role, created_at=timestamp(item["created_unix_nano"])
    )


_PATH = "/projects/{project_id}"

ROUTES = (
    Route("GET", "/projects", "account", list_projects, "List projects", query=PageIn, answer=ProjectsOut),
    Route(
        "POST",
        "/projects",
        "account",
        create_project,
        "Create a project",
        body=ProjectIn,
        answer=ProjectOut,
        status=201,
    ),
    Route("GET", _PATH, "viewer", get_project, "Get a project", answer=ProjectOut),
    Route("PATCH", _PATH, "admin", rename_project, "Rename a project", body=ProjectIn, answer=ProjectOut),
    Route("DELETE", _PATH, "owner", delete_project, "Delete a project", status=204),
)
