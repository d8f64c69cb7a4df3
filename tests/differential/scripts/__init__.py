"""The scripts, by what they are about. Each module has one function: from a site to its scripts."""

from scripts import (commands, encoding, extended, lengths, settings, slot_names, slots, startup,
                     streaming, timelines)

# Played at a cluster that has only ever had one timeline.
GROUPS = {
    "startup": startup.scripts,
    "settings": settings.scripts,
    "encoding": encoding.scripts,
    "commands": commands.scripts,
    "extended": extended.scripts,
    "lengths": lengths.scripts,
    "slot_names": slot_names.scripts,
    "slots": slots.scripts,
    "streaming": streaming.scripts,
}

# Played at a promoted standby.
PROMOTED_GROUPS = {"timelines": timelines.scripts}
