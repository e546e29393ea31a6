"""A setting tried out: `core.reconnect_after=90` is the length of 90 days for the segment `core`, in memory alone."""

from __future__ import annotations

from dataclasses import replace

from refsync.calendar import Duration, Unit, parse_duration
from refsync.errors import Problem, UserError, did_you_mean
from refsync.rules.rule import RuleSet, Setting

FORM = "write --set core.reconnect_after=90: segment, parameter, and days or another length, a number, or texts parted by commas"


def with_setting(rules: RuleSet, text: str) -> RuleSet:
    """Return the rules with a parameter of a segment, or of all (`*.reconnect_after=90`), set to something else.

    Raises UserError when there is no such segment or parameter, or when the value is of another kind.
    """
    path, equals, value = text.partition("=")
    name, dot, parameter = path.strip().partition(".")
    if not (equals and dot and value.strip()):
        raise UserError(Problem(message=f'"{text}" sets nothing', hint=FORM))
    names = [segment.name for segment in rules.segments]
    if name not in (*names, "*"):
        hint = did_you_mean(name, names) or f"one of: {', '.join(names)}, or * for all"
        raise UserError(Problem(message=f'there is no segment "{name}"', hint=hint))
    changed = tuple(
        replace(segment, parameters={**segment.parameters, parameter: _value(segment.parameters, parameter, value.strip())})
        if name in ("*", segment.name)
        else segment
        for segment in rules.segments
    )
    return replace(rules, segments=changed)


def _value(known: object, parameter: str, text: str) -> Setting:
    parameters: dict[str, Setting] = dict(known)  # type: ignore[call-overload]
    if parameter not in parameters:
        raise UserError(Problem(message=f'no segment sets "{parameter}"', hint=did_you_mean(parameter, parameters) or FORM))
    try:
        match parameters[parameter]:
            case Duration():
                return Duration(int(text), Unit.DAYS) if text.isdigit() else parse_duration(text)
            case tuple():
                return tuple(part.strip() for part in text.split(","))
            case float():
                return float(text)
            case _:
                return text
    except ValueError as error:
        raise UserError(Problem(message=f"{parameter}: {error}", hint=FORM)) from None
