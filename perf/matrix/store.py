"""What has been measured, kept in one JSON file for each part, so that parts may be run on
different days, and a run that was cut short goes on where it was."""

import json
import os

SCHEMA = "walcast.matrix/1"


class Store:
    """A directory of results. A file is replaced as a whole after each run."""

    def __init__(self, directory):
        self.directory = directory
        self._parts = {}

    def runs(self, part):
        """Of each run: its case, subject, round, figures, time and an index into setups()."""
        return self._part(part)["runs"]

    def setups(self, part):
        """Where and by what the runs were made: each is named by its index."""
        return self._part(part)["setups"]

    def has(self, part, turn):
        return any(_is_of(run, turn) for run in self.runs(part))

    def add(self, part, turn, setup, at, figures):
        content = self._part(part)
        if setup not in content["setups"]:
            content["setups"].append(setup)
        content["runs"].append({"case": turn.case, "subject": turn.subject, "round": turn.round,
                                "at": at, "setup": content["setups"].index(setup),
                                "figures": figures})
        self._write(part)

    def forget(self, part, turns):
        """Of what is measured anew nothing old stays."""
        content = self._part(part)
        content["runs"] = [run for run in content["runs"]
                           if not any(_is_of(run, turn) for turn in turns)]
        used = sorted({run["setup"] for run in content["runs"]})
        content["setups"] = [content["setups"][index] for index in used]
        for run in content["runs"]:
            run["setup"] = used.index(run["setup"])

    def _part(self, part):
        if part not in self._parts:
            self._parts[part] = self._read(part)
        return self._parts[part]

    def _path(self, part):
        return os.path.join(self.directory, f"{part}.json")

    def _read(self, part):
        if not os.path.exists(self._path(part)):
            return {"schema": SCHEMA, "part": part, "setups": [], "runs": []}
        with open(self._path(part), encoding="utf-8") as file:
            content = json.load(file)
        if content.get("schema") != SCHEMA:
            raise ValueError(f"{self._path(part)} is of schema {content.get('schema')},"
                             f" and not of {SCHEMA}")
        return content

    def _write(self, part):
        os.makedirs(self.directory, exist_ok=True)
        content = self._part(part)
        head = {name: value for name, value in content.items() if name != "runs"}
        lines = ",\n".join(json.dumps(run, sort_keys=True) for run in content["runs"])
        text = json.dumps(head, indent=1)[:-2] + f',\n "runs": [\n{lines}\n]\n}}\n'
        part_path = self._path(part) + ".new"
        with open(part_path, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part_path, self._path(part))


def _is_of(run, turn):
    return (run["case"], run["subject"], run["round"]) == (turn.case, turn.subject, turn.round)
