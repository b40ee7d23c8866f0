"""The permissions of the caller."""

from fastapi import Request
from pydantic import BaseModel

from diptych.web.guards import reading
from diptych.web.keys import Scope

ROUTER = reading()
ROUTERS = (ROUTER,)


class Access(BaseModel):
    """The permissions of a key."""

    scope: Scope
    """`write` includes `read`."""


@ROUTER.get("/access", tags=["health"], summary="Show the scope of the key")
async def show_access(request: Request) -> Access:
    """Return the scope of the key; `write` when no keys are required."""
    return Access(scope=request.state.scope)
