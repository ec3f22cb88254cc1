"""Each command that a document shows is one, with the options that it needs: whoever copies the line is not refused."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import CommandError, get_commands, load_command_class
from django.core.management.base import CommandParser

from payerwatch.__main__ import offered_commands
from payerwatch.release.__main__ import parse as parse_release
from tests.deploy.reading import ROOT, services

pytestmark = pytest.mark.pure

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ENDS = frozenset("();<>|&") | {"&&", "||", ">>"}
PLACEHOLDER = re.compile(r"[A-Z]+|.*….*")


class Shown(NamedTuple):
    document: str
    words: tuple[str, ...]
    is_a_line: bool
    """Of a block to be copied; else it stands in a sentence, and may be no more than the name of a command."""

    def __str__(self) -> str:
        return f"{self.document}: {' '.join(self.words)}"

    @property
    def is_whole(self) -> bool:
        return self.is_a_line or len(self.words) > 2


def shown() -> list[Shown]:
    """Each once."""
    found = {
        Shown(str(path.relative_to(ROOT)), words, is_a_line)
        for path in DOCUMENTS
        for text, is_a_line in _code(path.read_text())
        for words in _called(text)
    }
    return sorted(found)


def _code(text: str) -> Iterator[tuple[str, bool]]:
    """Lines of blocks that a shell reads, and what is marked as code in sentences."""
    fence: str | None = None
    for line in text.replace("\\\n", " ").splitlines():
        if line.lstrip().startswith("```"):
            fence = line.strip("` ") if fence is None else None
        elif fence is None:
            yield from ((each, False) for each in re.findall(r"`([^`]+)`", line))
        elif fence in ("sh", "bash", ""):
            yield line, True


def _called(text: str) -> Iterator[tuple[str, ...]]:
    """What is called there of ours, each call without what is set for it alone."""
    reader = shlex.shlex(text, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    try:
        words = list(reader)
    except ValueError:  # no line of a shell
        return
    call: list[str] = []
    for word in [*words, ";"]:
        if word not in ENDS:
            call.append(word)
            continue
        if word == ">" and call[-1:] == ["2"]:  # where errors go
            call.pop()
        if found := _ours(call):
            yield tuple(found)
        call = []


def _ours(call: list[str]) -> list[str]:
    while call and re.match(r"[A-Z_]+=", call[0]):
        call = call[1:]
    if call[:2] == ["docker", "compose"] and "run" in call:
        call = [word for word in call[call.index("run") + 1 :] if word != "--rm"][1:]  # behind the service's name
    return call if call and Path(call[0]).name in ("payerwatch", "payerwatch-release") else []


SHOWN = shown()
COMMANDS = [each for each in SHOWN if each.words[0] == "payerwatch" and len(each.words) > 1]
RELEASES = [each for each in SHOWN if each.words[0].endswith("payerwatch-release") and each.is_whole]


def _of_the_program(words: tuple[str, ...]) -> list[str]:
    """Without what deploy/payerwatch-as-service.sh takes for itself."""
    left = list(words[1:])
    while left[0] in ("--build", "--with"):
        assert left[0] == "--build" or left[1] in ("migrator", "backup")
        left = left[2:]
    return left


def _parser(name: str) -> CommandParser:
    """The command's own, which lets words stand that are in the place of others."""
    parser = load_command_class(get_commands()[name], name).create_parser("payerwatch", name)
    for action in parser._actions:
        action.type = _or_a_placeholder(action.type) if callable(action.type) else action.type
        if action.choices is not None:
            action.choices = _Choices(action.choices)
    return parser


def _or_a_placeholder(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: text if PLACEHOLDER.fullmatch(text) else read(text)


class _Choices(list[Any]):
    def __contains__(self, word: object) -> bool:
        return super().__contains__(word) or PLACEHOLDER.fullmatch(str(word)) is not None


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_that_is_shown_would_be_understood(command: Shown):
    name, *words = _of_the_program(command.words)
    assert name in offered_commands() | {"help"}
    if name != "help" and (words or command.is_a_line):
        try:
            _parser(name).parse_args(words)
        except CommandError as error:
            pytest.fail(f"{command}: {error}")


@pytest.mark.parametrize("command", RELEASES, ids=str)
def test_a_release_that_is_shown_would_be_understood(command: Shown):
    parse_release(command.words[1:])


def test_what_is_shown_is_found():
    shown_in = {each.document for each in COMMANDS}
    assert {"docs/operating.md", "docs/releasing.md", "docs/security.md"} <= shown_in
    assert len(COMMANDS) > 60
    assert len(RELEASES) > 4


@pytest.mark.parametrize(
    "text",
    ["change_endpoint ENDPOINT --enable", "alerts --state held", "recover ENDPOINT --since WHEN", "backup --too DIR"],
)
def test_what_would_not_be_understood_is_found_out(text: str):
    [words] = _called(f"payerwatch {text}")
    with pytest.raises(pytest.fail.Exception):
        test_a_command_that_is_shown_would_be_understood(Shown("a document", words, is_a_line=False))


def test_containers_are_asked_by_the_compose_file_and_its_names():
    """And none with a build of its own, which the next command would not know of."""
    lines = [text for path in DOCUMENTS for text, _ in _code(path.read_text()) if text.startswith("docker compose")]
    assert len(lines) > 8
    for line in lines:
        words = line.partition(" #")[0].split()
        assert words[2:4] == ["--file", "deploy/compose.yml"]
        assert words[4] in ("up", "run")
        named = [word for word in words[5:] if not word.startswith("--")][:1]
        assert set(named) <= set(services()), line
    assert not any("BUILD=" in text for path in DOCUMENTS for text, _ in _code(path.read_text()) if "compose" in text)
