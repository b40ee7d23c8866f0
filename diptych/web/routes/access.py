"""What the one who asks may do."""

from fastapi import Request
from pydantic import BaseModel

from diptych.web.guarding import reading
from diptych.web.keys import Scope

ROUTER = reading()
ROUTERS = (ROUTER,)


class Access(BaseModel):
    """What may be done."""

    scope: Scope
    """`write` includes `read`."""


@ROUTER.get("/access", tags=["health"], summary="Say what the key that came along may do")
async def show_access(request: Request) -> Access:
    """Return the scope of the key; `write` where no keys are asked for."""
    return Access(scope=request.state.scope)
