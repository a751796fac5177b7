"""Check the ranges of a search against the fields that they are of, before the first point."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from dlrun.configuration.check import check_override, nearest_key
from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL, Option
from dlrun.configuration.schema.type_check import describe_type
from dlrun.configuration.sweeps.ranges import Interval, typed
from dlrun.configuration.sweeps.repeated import REPEATED
from dlrun.errors import Problem
from dlrun.wording import printable, printable_key


def check_ranges(
    ranges: Mapping[str, Interval], options: Mapping[str, Sequence[Option]]
) -> tuple[dict[str, Interval], list[Problem]]:
    """Return the ranges that are right, each typed by its field, and everything wrong with the others."""
    found, problems = {}, []
    for key, interval in ranges.items():
        typed_interval, wrong = check_range(key, interval, options)
        problems += wrong
        if typed_interval is not None:
            found[key] = typed_interval
    return found, problems


def check_range(
    key: str, interval: Interval, options: Mapping[str, Sequence[Option]]
) -> tuple[Interval | None, list[Problem]]:
    """Return a range typed by its field, and everything wrong with it; None if its field is unknown or has no numbers.

    options: those chosen for each group, first the one that decides.
    """
    shown = f"{printable_key(key)}={printable(interval.text)}"
    problems = [Problem(shown, what, "wrong-range", fix) for what, fix in _wrong_ends(key, interval)]
    kinds, unknown = _kinds(key, interval, options)
    problems += [dataclasses.replace(problem, where=shown) for problem in unknown]
    numbers = [number_in(kind) for kind in kinds]
    if key in REPEATED:
        what = f"A search trains every trial with each {key}; it does not choose one. List them: {key}=0,1,2"
        return None, [*problems, Problem(shown, what, "wrong-range", f"{key}=0,1,2")]
    for kind, number in zip(kinds, numbers, strict=True):
        if number is None:
            what = f"Expected {describe_type(kind)}, and a range is of numbers. List the values to try: {key}=A,B"
            problems.append(Problem(shown, what, "wrong-range"))
    if problems or not kinds:
        return None, problems
    whole = interval.whole or int in numbers
    if whole and not (float(interval.low).is_integer() and float(interval.high).is_integer()):
        what = "The field takes whole numbers: both ends must be whole."
        return None, [Problem(shown, what, "wrong-range")]
    found = typed(interval, int if whole else float)
    return found, _out_of_bounds(key, found, options, shown)


def _wrong_ends(key: str, interval: Interval) -> list[tuple[str, str | None]]:
    """Return what is wrong with the ends of a range by themselves, each with its fix."""
    low, high = interval.low, interval.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return [("Both ends must be finite numbers.", None)]
    found: list[tuple[str, str | None]] = []
    if low == high:
        found.append((f"Both ends are {low:.6g}. For one value, write {key}={low:.6g}.", f"{key}={low:.6g}"))
    elif low > high:
        swapped = f"interval({high:.6g},{low:.6g})"
        fix = f"{key}={f'tag(log,{swapped})' if interval.log else swapped}"
        found.append((f"The lower end must come first: {fix}", fix))
    if interval.log and min(low, high) <= 0:
        what = f"A logarithm needs numbers above 0, got {min(low, high):.6g}. Raise the end, or leave out tag(log)."
        found.append((what, None))
    return found


def _kinds(key: str, interval: Interval, options: Mapping[str, Sequence[Option]]) -> tuple[list[Any], list[Problem]]:
    """Return the type of a key with each option that is chosen for its group, and problems if there is no such key."""
    group, _, rest = key.partition(".")
    if key in TOP_LEVEL:
        return [TOP_LEVEL[key]], []
    if key in GROUPS or key == "recipe":
        what = f"{key} takes the name of an option. List those to try: {key}=A,B"
        return [], [Problem(key, what, "wrong-range")]
    first = {name: found[0] for name, found in options.items() if found}
    if group not in GROUPS:
        near = nearest_key(key, first)
        fix = f"{near}={interval.text}" if near is not None else None
        unknown = check_override(key, interval.text, interval.low, first)
        return [], [dataclasses.replace(problem, fix=fix) for problem in unknown]
    kinds, problems = [], []
    for option in options[group]:
        kind = _kind_in(option, rest)
        if kind is None:
            problems += check_override(key, interval.text, interval.low, {**first, group: option})
        else:
            kinds.append(kind)
    return kinds, [dataclasses.replace(problem, fix=_fix(problem, interval)) for problem in problems]


def _fix(problem: Problem, interval: Interval) -> str | None:
    """Return the fix of an unknown key with the range, where `check_override` has one of its ends."""
    return None if problem.fix is None else f"{problem.fix.partition('=')[0]}={interval.text}"


def _kind_in(option: Option, rest: str) -> Any:
    """Return the type of an option's field, which may be a field inside a field; None if there is none."""
    name, _, inner = rest.partition(".")
    kind = option.fields[name].kind if name in option.fields else None
    if not inner or kind is None:
        return kind
    if dataclasses.is_dataclass(kind):
        return typing.get_type_hints(kind, include_extras=True).get(inner)
    return get_args(kind)[1] if get_origin(kind) is dict else None


def number_in(kind: Any) -> type[int] | type[float] | None:
    """Return which numbers a type takes: whole ones, any, or None if it takes no numbers."""
    if get_origin(kind) is Annotated:
        return number_in(kind.__origin__)
    if get_origin(kind) in (Union, types.UnionType):
        found = [number_in(each) for each in get_args(kind)]
        return float if float in found else int if int in found else None
    if kind is Any or kind is float:
        return float
    return int if kind is int else None


def _out_of_bounds(key: str, interval: Interval, options: Mapping[str, Sequence[Option]], shown: str) -> list[Problem]:
    """Return what the fields' own bounds say of both ends."""
    group = key.partition(".")[0]
    first = {name: found[0] for name, found in options.items() if found}
    chosen = [{**first, group: option} for option in options[group]] if group in GROUPS else [first]
    problems = []
    for name, value in (("lower", interval.low), ("upper", interval.high)):
        for each in chosen:
            problems += [
                Problem(shown, f"The {name} end is out of bounds. {wrong.message}", wrong.id)
                for wrong in check_override(key, interval.text, value, each)
            ]
    return list(dict.fromkeys(problems))
