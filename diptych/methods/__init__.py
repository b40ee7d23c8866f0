"""Published image-text retrieval methods, one file per method."""

from diptych.rooms import Room

ROOM = Room("diptych.methods")
