"""What a pair is and where pairs come from; one file a data set."""

from diptych.rooms import Room

ROOM = Room("diptych.data")
