"""The fenced blocks of a page of documentation, in their order."""

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    where: str  # it is run; empty: here
    text: str

    @property
    def lines(self):
        return self.text.splitlines()


def blocks_of(path):
    with open(path, encoding="utf-8") as page:
        return [Block(language, where or "", text)
                for language, where, text in _BLOCK.findall(page.read())]
