"""The same verbs for click: help, errors, completion. Loaded only when one of these is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tocsin.cli._exit import Failure, Usage
from tocsin.cli._verbs import BY_NAME, VERBS, Option, Verb

if TYPE_CHECKING:
    from tocsin.cli._quick import Call

    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # generic for type checkers only, and that since click 8.2


class _Read(_ParamType):
    def __init__(self, option: Option) -> None:
        self.name = option.metavar
        self._read = option.read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._read(value) if self._read and isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Command(click.Command):
    """An example says more than a synopsis, so it comes first."""

    examples = ""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for line in self.examples.splitlines():
            formatter.write(f"  {line}\n")
        formatter.write_paragraph()
        super().format_help(ctx, formatter)


class _Verbs(click.Group):
    def __init__(self) -> None:
        super().__init__("tocsin", no_args_is_help=False, help="Events for threads, loops, processes and shells.")

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        verb = BY_NAME.get(cmd_name)
        return None if verb is None else _command(verb)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("  tocsin wait ready && echo go     and elsewhere:   tocsin set ready\n")
        formatter.write_paragraph()
        super().format_help(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        formatter.write_paragraph()
        formatter.write_text("Exit: 0 done, 1 timed out or not set, 2 wrong usage, 3 could not be done.")


def _command(verb: Verb) -> click.Command:
    parameters: list[click.Parameter] = []
    for option in verb.options:
        kind: dict[str, Any] = {"is_flag": True}
        if option.read:
            kind = {"type": _Read(option), "metavar": option.metavar}
        parameters.append(click.Option([*option.flags, option.key], help=option.help, **kind))
    if verb.most != 0:
        many = verb.most is None
        parameters.append(
            click.Argument(["words"], nargs=-1 if many else 1, required=verb.least > 0, metavar=_metavar(verb))
        )

    def callback(words: tuple[str, ...] | str | None = None, **values: Any) -> Call:
        return verb, [words] if isinstance(words, str) else list(words or ()), values

    command = _Command(verb.name, params=parameters, callback=callback, help=verb.text, short_help=verb.text)
    command.examples = verb.examples
    return command


def _metavar(verb: Verb) -> str:
    word = verb.metavar + ("..." if verb.most is None else "")
    return word if verb.least else f"[{word}]"


def read(argv: list[str], version: str) -> Call | None:
    """The call that `argv` asks for; None: it asked for a text, and that was printed.

    Usage carries what is wrong. Completion (`_TOCSIN_COMPLETE`) ends the process itself.
    """
    group = click.version_option(version, prog_name="tocsin", message="%(prog)s %(version)s")(_Verbs())
    try:
        call = group.main(argv, prog_name="tocsin", standalone_mode=False)
    except click.UsageError as error:
        verb = error.ctx.info_name if error.ctx is not None and error.ctx.parent is not None else None
        raise Usage(" ".join(error.format_message().split()).rstrip("."), verb) from None
    except OSError as error:  # nothing was done yet, so it was the printing
        raise Failure(f"can't write to standard output: {error.strerror}") from None
    return call if isinstance(call, tuple) else None
