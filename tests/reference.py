"""The reference of commands, made from the program's own help: ``python -m tests.reference``."""

from __future__ import annotations

import click

from cli import main
from tests.conftest import ROOT

INTRODUCTION = """\
# The commands of ivig-mg

This page is made from the program's own help; `ivig-mg COMMAND --help` says the same.
"""


def reference() -> str:
    """Return the page, with a section for each command."""
    return "\n".join(
        [INTRODUCTION, *_sections(main, _Context(main, info_name="ivig-mg", help_option_names=["-h", "--help"]))]
    )


def _sections(command: click.Command, context: click.Context) -> list[str]:
    context.max_content_width = 100
    context.terminal_width = 100
    sections = [f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            sections += _sections(inner, _Context(inner, info_name=name, parent=context))
    return sections


class _Context(click.Context):
    """A context whose path has the commands only, not what stands between them."""

    @property
    def command_path(self) -> str:
        above = self.parent.command_path if self.parent is not None else ""
        return f"{above} {self.info_name}".strip()


if __name__ == "__main__":
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "commands.md").write_text(reference(), encoding="utf-8")
