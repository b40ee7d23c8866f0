"""Published ways to compare pictures with texts; one file a method."""

from diptych.rooms import Room

ROOM = Room("diptych.methods")
