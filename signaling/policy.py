"""The policy of every door of live sessions; ``web.policy`` asks it before a door opens."""

from types import MappingProxyType
from typing import Final

from people.permissions import Action
from people.policies import Policies, Policy
from people.principals import PrincipalKind

_ALL: Final[frozenset[PrincipalKind]] = frozenset({"account", "guest", "terminal", "token"})
_BEARER: Final = Policy(open="the media token is the proof: it is handed out inside a session and ends with it")

TABLE: Final[Policies] = MappingProxyType(
    {
        ("POST", "/live/{session}/ticket"): Policy((Action.JOIN, Action.HOST), "session", kinds=_ALL),
        ("GET", "/live/{session}/socket"): Policy(open="the ticket in its first message is the proof"),
        ("POST", "/live/{session}/stills/{request}/{part}"): _BEARER,
        ("POST", "/whip/camera/{camera}"): Policy(open="the camera's own key is the proof"),
        ("GET", "/whip/camera/{camera}"): Policy(open="the camera's own key is the proof"),
        ("POST", "/whip/{session}/{publication}"): _BEARER,
        ("POST", "/whep/{session}/{endpoint}/{publication}"): _BEARER,
        ("PATCH", "/media/{resource}"): _BEARER,
        ("DELETE", "/media/{resource}"): _BEARER,
        ("GET", "/echo"): Policy((Action.CHECK_DEVICES,), kinds=_ALL),
        ("POST", "/echo"): Policy((Action.CHECK_DEVICES,), kinds=_ALL),
    }
)
