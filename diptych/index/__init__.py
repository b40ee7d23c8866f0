"""Stores of vectors, one file each, opened by the scheme of a URI."""

from diptych.rooms import Room

ROOM = Room("diptych.index")
