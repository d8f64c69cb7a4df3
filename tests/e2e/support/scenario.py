"""Scenario files for walbench, and the ones that come with it."""

import os

from support.walcast import Fleet

_SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "bench",
                          "scenarios")


def ready(area, name):
    """A copy of a ready scenario, which any user can read."""
    with open(os.path.join(_SCENARIOS, f"{name}.toml"), encoding="utf-8") as file:
        return written(area, name, file.read())


def written(area, name, text):
    path = area.path(f"{name}.toml")
    area.write_file(path, text)
    return path


def group(name, count, **keys):
    """A [[group]] of a scenario."""
    def value(of):
        return str(of).lower() if isinstance(of, (bool, int)) else f'"{of}"'
    lines = [f"{key} = {value(of)}" for key, of in {"name": name, "count": count, **keys}.items()]
    return "\n".join(["[[group]]", *lines, ""])


class ScenarioFleet(Fleet):
    """walbench as a scenario says, with its groups' results by their names."""

    def __init__(self, area, port, path, **options):
        super().__init__(area, port, options.pop("standbys", None), scenario=path, **options)

    def finish(self, timeout=300):
        report = super().finish(timeout)
        return report, {one["name"]: one for one in report["groups"]}
