"""Encoders: a picture to region vectors and one whole vector, a text to word vectors and one; cached."""

from diptych.rooms import Room

ROOM = Room("diptych.encoders")
