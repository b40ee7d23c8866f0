"""Frozen backbones: a picture becomes regions and one vector, a text becomes words and one vector; both cached."""

from diptych.rooms import Room

ROOM = Room("diptych.encoders")
