"""How two similarities become one; one file a rule."""

from diptych.rooms import Room

ROOM = Room("diptych.fusion")
