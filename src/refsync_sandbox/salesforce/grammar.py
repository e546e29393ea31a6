"""The grammar of SOQL: text in, `soql.Select` out.

Law: as in Salesforce, AND and OR do not mix without parentheses, an IN list is never empty, and what does not parse is refused
with the row and column of the token at fault.
"""

from __future__ import annotations

from functools import lru_cache

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from refsync_sandbox.salesforce.soql import (
    Call,
    Compare,
    Condition,
    Fault,
    Joined,
    Literal,
    Negated,
    Ordering,
    Path,
    Select,
    Within,
)

GRAMMAR = r"""
start: select
select: _SELECT items _FROM NAME [NAME] [where] [group] [order] [limit] [offset]
items: item ("," item)*
?item: NAME                        -> path
     | NAME "(" [NAME] ")" [NAME]  -> call
     | "(" select ")"              -> children

where: _WHERE condition
?condition: term
          | term (_AND term)+ -> every
          | term (_OR term)+  -> some
?term: _NOT term           -> negated
     | "(" condition ")"
     | NAME OPERATOR value -> compare
     | NAME _LIKE STRING   -> like
     | NAME _IN list       -> within
     | NAME _NOT _IN list  -> outside
list: "(" value ("," value)* ")" -> values
    | "(" select ")"             -> semi_join

value: STRING -> string
     | NUMBER -> number
     | DATETIME -> datetime
     | DATE -> date
     | TRUE -> true
     | FALSE -> false
     | NULL -> null
     | RANGE -> range

group: _GROUP _BY NAME ("," NAME)*
order: _ORDER _BY ordering ("," ordering)*
ordering: NAME [DIRECTION] [NULLS]
limit: _LIMIT NUMBER
offset: _OFFSET NUMBER

_SELECT.2: /select\b/i
_FROM.2: /from\b/i
_WHERE.2: /where\b/i
_AND.2: /and\b/i
_OR.2: /or\b/i
_NOT.2: /not\b/i
_LIKE.2: /like\b/i
_IN.2: /in\b/i
_GROUP.2: /group\b/i
_ORDER.2: /order\b/i
_BY.2: /by\b/i
_LIMIT.2: /limit\b/i
_OFFSET.2: /offset\b/i
DIRECTION.2: /(asc|desc)\b/i
NULLS.2: /nulls\s+(first|last)\b/i
TRUE.2: /true\b/i
FALSE.2: /false\b/i
NULL.2: /null\b/i
OPERATOR: "=" | "!=" | "<>" | "<=" | ">=" | "<" | ">"
DATETIME.3: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)/i
DATE.2: /\d{4}-\d\d-\d\d/
NUMBER: /[+-]?\d+(\.\d+)?/
STRING: /'(\\.|[^'\\])*'/
RANGE: /[A-Za-z_]+(:\d+)?/
NAME: /[A-Za-z_]\w*(\.[A-Za-z_]\w*)*/
%ignore /\s+/
"""


@v_args(inline=True)
class _Tree(Transformer[Token, Select]):
    """Turns a parse tree into the values above."""

    def start(self, select: Select) -> Select:
        return select

    def select(
        self,
        items: tuple[Path | Call | Select, ...],
        source: Token,
        alias: Token | None,
        where: Condition | None,
        group: tuple[Path, ...] | None,
        order: tuple[Ordering, ...] | None,
        limit: int | None,
        offset: int | None,
    ) -> Select:
        return Select(items, self.path(source), str(alias or ""), where, group or (), order or (), limit, offset or 0)

    def items(self, *items: Path | Call | Select) -> tuple[Path | Call | Select, ...]:
        return items

    def path(self, name: Token) -> Path:
        return Path(tuple(name.split(".")), name.start_pos or 0)

    def call(self, function: Token, argument: Token | None, alias: Token | None) -> Call:
        path = self.path(argument) if argument else None
        return Call(function.upper(), path, str(alias or ""), function.start_pos or 0)

    def children(self, select: Select) -> Select:
        return select

    def where(self, condition: Condition) -> Condition:
        return condition

    def every(self, *conditions: Condition) -> Joined:
        return Joined("AND", conditions)

    def some(self, *conditions: Condition) -> Joined:
        return Joined("OR", conditions)

    def negated(self, condition: Condition) -> Negated:
        return Negated(condition)

    def compare(self, name: Token, operator: Token, value: Literal) -> Compare:
        return Compare(self.path(name), "!=" if operator == "<>" else str(operator), value)

    def like(self, name: Token, pattern: Token) -> Compare:
        return Compare(self.path(name), "LIKE", self.string(pattern))

    def within(self, name: Token, values: tuple[Literal, ...] | Select) -> Within:
        return Within(self.path(name), values, False)

    def outside(self, name: Token, values: tuple[Literal, ...] | Select) -> Within:
        return Within(self.path(name), values, True)

    def values(self, *values: Literal) -> tuple[Literal, ...]:
        return values

    def semi_join(self, select: Select) -> Select:
        return select

    def string(self, token: Token) -> Literal:
        return Literal("string", _unescaped(token[1:-1]), token.start_pos or 0)

    def number(self, token: Token) -> Literal:
        return Literal("number", float(token) if "." in token else int(token), token.start_pos or 0)

    def datetime(self, token: Token) -> Literal:
        return Literal("datetime", str(token), token.start_pos or 0)

    def date(self, token: Token) -> Literal:
        return Literal("date", str(token), token.start_pos or 0)

    def true(self, token: Token) -> Literal:
        return Literal("boolean", 1, token.start_pos or 0)

    def false(self, token: Token) -> Literal:
        return Literal("boolean", 0, token.start_pos or 0)

    def null(self, token: Token) -> Literal:
        return Literal("null", None, token.start_pos or 0)

    def range(self, token: Token) -> Literal:
        return Literal("range", token.upper(), token.start_pos or 0)

    def group(self, *names: Token) -> tuple[Path, ...]:
        return tuple(self.path(name) for name in names)

    def order(self, *orderings: Ordering) -> tuple[Ordering, ...]:
        return orderings

    def ordering(self, name: Token, direction: Token | None, nulls: Token | None) -> Ordering:
        return Ordering(
            self.path(name),
            descending=(direction or "").lower() == "desc",
            nulls_last=(nulls or "").lower().endswith("last"),
        )

    def limit(self, number: Token) -> int:
        return self._count(number)

    def offset(self, number: Token) -> int:
        if self._count(number) > 2000:
            raise Fault("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000", number.start_pos or 0)
        return int(number)

    def _count(self, number: Token) -> int:
        if not number.isdecimal():
            raise Fault("MALFORMED_QUERY", f"unexpected token: '{number}'", number.start_pos or 0)
        return int(number)


_PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=True)
_TREE = _Tree()
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    letters = iter(text)
    return "".join(_escape(next(letters)) if letter == "\\" else letter for letter in letters)


def _escape(letter: str) -> str:
    return "\\" + letter if letter in "%_" else _ESCAPES.get(letter, letter)  # \% and \_ are for LIKE


@lru_cache(maxsize=256)
def parse(text: str) -> Select:
    """Return the tree of a query. Raises Fault where it cannot be understood."""
    try:
        return _TREE.transform(_PARSER.parse(text))
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedToken as error:
        at = len(text) if error.token.type == "$END" else error.token.start_pos or 0
        raise Fault("MALFORMED_QUERY", f"unexpected token: '{error.token or '<EOF>'}'", at) from None
    except UnexpectedCharacters as error:
        raise Fault(
            "MALFORMED_QUERY", f"unexpected token: '{text[error.pos_in_stream or 0]}'", error.pos_in_stream or 0
        ) from None
    except UnexpectedInput as error:
        raise Fault("MALFORMED_QUERY", "unexpected token: '<EOF>'", error.pos_in_stream or len(text)) from None
