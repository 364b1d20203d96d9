"""Expressions of one's own rules: CEL (https://github.com/google/cel-spec) over the fields of an invoice.

The grammar is cel-python's; evaluation is ours, for three reasons (docs/decisions, number 36): numbers are exact
decimals and never binary floats, names and types are checked when a rule is loaded, and every evaluation is bounded.
Two deviations from CEL follow: there is one kind of number, and a date is a day, so that `due_date - issue_date` is the
number of days between them.

A field that the invoice does not state is `null`. Comparing it with `==` and `!=` is defined; anything else with it
cannot be decided, as CEL's errors: `&&`, `||`, `exists` and `all` decide where their other parts suffice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from difflib import get_close_matches
from typing import Any, Final

import re2
from lark import Token, Tree

from cira_pipeline.custom.declaration import CustomField, Declarations, compiled
from cira_pipeline.custom.values import NotOfItsType, value_of
from cira_pipeline.fields import FieldKind, Term
from cira_pipeline.invoice import ROW_TERMS, TERMS, Invoice

MAX_DEPTH: Final = 250
"""Depth of the syntax tree: about 25 nested brackets, or 200 terms of a sum."""
MAX_STEPS: Final = 200_000
"""Steps of one evaluation, well below a second; one over 10,000 lines takes about ten for each."""
_PRECISION: Final = 100
_MOST_DIGITS: Final = 40

BOOL, NUMBER, TEXT, DATE, NULL = "a condition", "a number", "a text", "a date", "null"


@dataclass(frozen=True)
class ListOf:
    of: Type

    def __str__(self) -> str:
        return f"a list of {str(self.of).removeprefix('a ')}s"


@dataclass(frozen=True)
class Row:
    """An object with fields: the row of a table, or the own fields of an invoice or line."""

    name: str
    fields: Mapping[str, Type] = field(hash=False, compare=False)

    def __str__(self) -> str:
        return f"an object ({self.name})"


@dataclass(frozen=True)
class Terms:
    """`other_terms`: lists of texts by name."""

    def __str__(self) -> str:
        return "other_terms"


Type = str | ListOf | Row | Terms


class ExpressionInvalid(ValueError):
    """Says what is wrong with an expression, and where."""


class Undecided(Exception):
    """An evaluation has no result for this invoice; says why."""


@dataclass
class _Scope:
    """What an expression sees while it is evaluated."""

    values: dict[str, Any]
    steps: int = 0

    def spend(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise _TooExpensive


class _TooExpensive(Exception):
    """Ends the whole evaluation: no operator may absorb it."""


_Run = Callable[[_Scope], Any]


@dataclass(frozen=True)
class _Node:
    type: Type
    run: _Run
    path: str = ""


@dataclass(frozen=True)
class Condition:
    """A compiled condition. `names`: the header fields and tables it uses, own ones as `custom.NAME`."""

    names: tuple[str, ...]
    _run: _Run

    def holds(self, invoice: Invoice, own: Declarations, today: date) -> bool:
        """Whether it is true for `invoice`. Raises: Undecided."""
        scope = _Scope(_values_of(invoice, own, today))
        try:
            with localcontext(Context(prec=_PRECISION)):
                return bool(self._run(scope))
        except _TooExpensive:
            raise Undecided(f"it takes more than {MAX_STEPS:,} steps") from None


def compile_condition(text: str, own: Declarations) -> Condition:
    """The condition `text` states. Raises: ExpressionInvalid."""
    # Imported here because it takes half a second, and only installations with own rules need it.
    from celpy.celparser import CELParseError, CELParser

    try:
        tree = CELParser().parse(text)
    except CELParseError as error:
        where = f"line {error.line}, column {error.column}: " if error.line else ""
        raise ExpressionInvalid(f"{where}not an expression of CEL") from None
    if _depth(tree) > MAX_DEPTH:
        raise ExpressionInvalid("nested too deeply")
    compiler = _Compiler(_root_types(own))
    node = compiler.node(tree)
    if node.type != BOOL:
        raise ExpressionInvalid(f"it is {node.type}, and a rule needs a condition, such as gross_total > 10000")
    return Condition(tuple(dict.fromkeys(compiler.used)), node.run)


def root_names(own: Declarations) -> frozenset[str]:
    """Header fields and tables, with own header fields as `custom.NAME`: what findings and texts may name."""
    return frozenset((*(name for name in TERMS if name != "custom"), *(each.path for each in own.header.values())))


def _type_of(term: Term) -> Type:
    if term.kind.is_number or term.kind is FieldKind.POSITION:
        return NUMBER
    return DATE if term.kind is FieldKind.DATE else TEXT


def _type_of_own(declared: CustomField) -> Type:
    return NUMBER if declared.type.is_number else DATE if declared.type == "date" else TEXT


def _root_types(own: Declarations) -> dict[str, Type]:
    types: dict[str, Type] = {}
    for name, term in TERMS.items():
        if term.kind is FieldKind.TABLE:
            fields = {column: _type_of(each) for column, each in ROW_TERMS[name].items() if column != "custom"}
            if name == "line_items":
                lines = {each.name: _type_of_own(each) for each in own.line.values()}
                fields = {**fields, "custom": Row("custom of a line", lines)}
            types[name] = ListOf(Row(name, fields))
        elif name == "custom":
            types[name] = Row("custom", {each.name: _type_of_own(each) for each in own.header.values()})
        elif term.kind is FieldKind.MAP:
            types[name] = Terms()
        else:
            types[name] = _type_of(term)
    return {**types, "today": DATE}


def _values_of(invoice: Invoice, own: Declarations, today: date) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, term in TERMS.items():
        value = getattr(invoice, name)
        if term.kind is FieldKind.TABLE:
            value = [_row_values(row, own) for row in value]
        elif name == "custom":
            value = _own_values(value, own.header)
        values[name] = _exact(value)
    return {**values, "today": today}


def _row_values(row: Any, own: Declarations) -> dict[str, Any]:
    return {name: _own_values(value, own.line) if name == "custom" else _exact(value) for name, value in row}


def _own_values(values: Mapping[str, str], declared: Mapping[str, CustomField]) -> dict[str, Any]:
    """Own values by their types. One that is not of its type any more, after a changed declaration, is no value."""
    found: dict[str, Any] = {}
    for name, each in declared.items():
        try:
            found[name] = value_of(each, values[name]) if name in values else None
        except NotOfItsType:
            found[name] = None
    return found


def _exact(value: Any) -> Any:
    return Decimal(value) if isinstance(value, int) else value


def _depth(tree: Tree[Any]) -> int:
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in node.children if isinstance(child, Tree)]
    return deepest


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "relation_lt": lambda left, right: left < right,
    "relation_le": lambda left, right: left <= right,
    "relation_gt": lambda left, right: left > right,
    "relation_ge": lambda left, right: left >= right,
}
_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "addition_add": lambda left, right: left + right,
    "addition_sub": lambda left, right: left - right,
    "multiplication_mul": lambda left, right: left * right,
    "multiplication_div": lambda left, right: left / right,
    "multiplication_mod": lambda left, right: left % right,
}


def _stated(node: _Node, scope: _Scope) -> Any:
    """The value. Raises: Undecided for one that the invoice does not state."""
    value = node.run(scope)
    if value is None:
        raise Undecided(f"{node.path or 'a value'} is not stated")
    return value


def _defined(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (DivisionByZero, InvalidOperation, Overflow, OverflowError) as error:
        raise Undecided("a division by zero, or a number beyond all bounds") from error


class _Compiler:
    """Turns a syntax tree into functions, checking names and types on the way."""

    def __init__(self, names: Mapping[str, Type]) -> None:
        self._roots = names
        self._locals: dict[str, Type] = {}
        self.used: list[str] = []

    def node(self, tree: Tree[Any] | Token) -> _Node:
        while isinstance(tree, Tree) and len(tree.children) == 1 and tree.data in _TRANSPARENT:
            tree = tree.children[0]
        if isinstance(tree, Token):
            return self._literal(tree)
        found: _Node = getattr(self, f"_{tree.data}", self._unsupported)(tree)
        run = found.run

        def counted(scope: _Scope) -> Any:
            scope.spend()
            return run(scope)

        return _Node(found.type, counted, found.path)

    def _unsupported(self, tree: Tree[Any]) -> _Node:
        raise ExpressionInvalid(f"{_at(tree)}this form of CEL is not supported")

    def _literal(self, token: Token) -> _Node:
        text = str(token)
        value: Any
        match token.type:
            case "BOOL_LIT":
                value, kind = text == "true", BOOL
            case "NULL_LIT":
                value, kind = None, NULL
            case "STRING_LIT" | "MLSTRING_LIT":
                from celpy.evaluation import celstr

                value, kind = str(celstr(token)), TEXT
            case "INT_LIT" | "UINT_LIT" | "FLOAT_LIT":
                value, kind = _number(token), NUMBER
            case _:
                raise ExpressionInvalid(f"{_at(token)}this kind of literal is not supported")
        return _Node(kind, lambda _scope: value, text[:40])

    def _expr(self, tree: Tree[Any]) -> _Node:
        condition, yes, no = map(self.node, tree.children)
        _require(condition, BOOL, tree)
        _same(yes, no, tree)
        kind = no.type if yes.type == NULL else yes.type
        return _Node(kind, lambda scope: yes.run(scope) if condition.run(scope) else no.run(scope))

    def _conditionalor(self, tree: Tree[Any]) -> _Node:
        return self._logical(tree, decisive=True)

    def _conditionaland(self, tree: Tree[Any]) -> _Node:
        return self._logical(tree, decisive=False)

    def _logical(self, tree: Tree[Any], *, decisive: bool) -> _Node:
        left, right = map(self.node, tree.children)
        _require(left, BOOL, tree)
        _require(right, BOOL, tree)

        def run(scope: _Scope) -> bool:
            return _decided((lambda: left.run(scope), lambda: right.run(scope)), decisive=decisive)

        return _Node(BOOL, run)

    def _relation(self, tree: Tree[Any]) -> _Node:
        operator, left, right = self._operands(tree)
        if operator in ("relation_eq", "relation_ne"):
            _same(left, right, tree)
            equal = operator == "relation_eq"
            return _Node(BOOL, lambda scope: (left.run(scope) == right.run(scope)) is equal)
        if operator == "relation_in":
            if not isinstance(right.type, ListOf):
                raise ExpressionInvalid(f"{_at(tree)}`in` needs a list, not {right.type}")
            _same(left, _Node(right.type.of, right.run), tree)
            return _Node(BOOL, lambda scope: left.run(scope) in right.run(scope))
        _same(left, right, tree)
        if left.type not in (NUMBER, TEXT, DATE) or right.type not in (NUMBER, TEXT, DATE):
            raise ExpressionInvalid(f"{_at(tree)}{left.type} and {right.type} have no order")
        compare = _COMPARISONS[operator]
        return _Node(BOOL, lambda scope: compare(_stated(left, scope), _stated(right, scope)))

    def _addition(self, tree: Tree[Any]) -> _Node:
        operator, left, right = self._operands(tree)
        kinds, work = (left.type, right.type), _ARITHMETIC[operator]
        if kinds == (NUMBER, NUMBER):
            return _Node(NUMBER, lambda scope: _defined(lambda: work(_stated(left, scope), _stated(right, scope))))
        if kinds == (DATE, DATE) and operator == "addition_sub":
            return _Node(NUMBER, lambda scope: Decimal((_stated(left, scope) - _stated(right, scope)).days))
        if kinds == (DATE, NUMBER):
            return _Node(
                DATE,
                lambda scope: _defined(lambda: work(_stated(left, scope), timedelta(days=int(_stated(right, scope))))),
            )
        raise ExpressionInvalid(f"{_at(tree)}{left.type} and {right.type} cannot be added or subtracted")

    def _multiplication(self, tree: Tree[Any]) -> _Node:
        operator, left, right = self._operands(tree)
        _require(left, NUMBER, tree)
        _require(right, NUMBER, tree)
        work = _ARITHMETIC[operator]
        return _Node(NUMBER, lambda scope: _defined(lambda: work(_stated(left, scope), _stated(right, scope))))

    def _operands(self, tree: Tree[Any]) -> tuple[str, _Node, _Node]:
        operation, right = tree.children
        return str(operation.data), self.node(operation.children[0]), self.node(right)

    def _unary(self, tree: Tree[Any]) -> _Node:
        operation, operand = tree.children[0], self.node(tree.children[1])
        if operation.data == "unary_not":
            _require(operand, BOOL, tree)
            return _Node(BOOL, lambda scope: not operand.run(scope))
        _require(operand, NUMBER, tree)
        return _Node(NUMBER, lambda scope: -_stated(operand, scope))

    def _ident(self, tree: Tree[Any]) -> _Node:
        name = str(tree.children[0])
        known = {**self._roots, **self._locals}
        if name not in known:
            raise ExpressionInvalid(f"{_at(tree)}there is no field `{name}`{_meant(name, known)}")
        if name not in self._locals and name not in ("custom", "today"):
            self.used.append(name)
        return _Node(known[name], lambda scope: scope.values[name], name)

    def _member_dot(self, tree: Tree[Any]) -> _Node:
        of, name = self.node(tree.children[0]), str(tree.children[1])
        if not isinstance(of.type, Row):
            raise ExpressionInvalid(f"{_at(tree)}{of.type} has no field `{name}`")
        if name not in of.type.fields:
            hint = "; declare it with [[field]]" if of.type.name.startswith("custom") else ""
            raise ExpressionInvalid(
                f"{_at(tree)}{of.path or of.type} has no field `{name}`{_meant(name, of.type.fields) or hint}"
            )
        if of.path == "custom":
            self.used.append(f"custom.{name}")
        return _Node(of.type.fields[name], lambda scope: of.run(scope)[name], f"{of.path}.{name}")

    def _member_index(self, tree: Tree[Any]) -> _Node:
        of, index = map(self.node, tree.children)
        if isinstance(of.type, Terms):
            _require(index, TEXT, tree)
            return _Node(ListOf(TEXT), lambda scope: list(of.run(scope).get(_stated(index, scope), ())))
        if not isinstance(of.type, ListOf):
            raise ExpressionInvalid(f"{_at(tree)}{of.type} is no list")
        _require(index, NUMBER, tree)

        def run(scope: _Scope) -> Any:
            rows, at = of.run(scope), _stated(index, scope)
            if at != int(at) or not 0 <= at < len(rows):
                raise Undecided(f"{of.path or 'the list'} has no element {at}")
            return rows[int(at)]

        return _Node(of.type.of, run, f"{of.path}[...]")

    def _list_lit(self, tree: Tree[Any]) -> _Node:
        items = [self.node(each) for each in (tree.children[0].children if tree.children else ())]
        kinds = {each.type for each in items if each.type != NULL}
        if len(kinds) > 1:
            raise ExpressionInvalid(f"{_at(tree)}the elements of a list must be of one type")
        return _Node(ListOf(next(iter(kinds), NULL)), lambda scope: [each.run(scope) for each in items])

    def _ident_arg(self, tree: Tree[Any]) -> _Node:
        name = str(tree.children[0])
        given = [self.node(each) for each in (tree.children[1].children if len(tree.children) > 1 else ())]
        function = getattr(self, f"_function_{name}", None)
        if function is None:
            raise ExpressionInvalid(f"{_at(tree)}there is no function `{name}`{_meant(name, _FUNCTIONS)}")
        if len(given) != _FUNCTIONS[name]:
            raise ExpressionInvalid(f"{_at(tree)}`{name}` takes {_FUNCTIONS[name]} argument(s)")
        found: _Node = function(tree, *given)
        return found

    def _function_has(self, _tree: Tree[Any], value: _Node) -> _Node:
        return _Node(BOOL, lambda scope: value.run(scope) not in (None, []))

    def _function_size(self, tree: Tree[Any], value: _Node) -> _Node:
        if value.type != TEXT and not isinstance(value.type, ListOf):
            raise ExpressionInvalid(f"{_at(tree)}{value.type} has no size")
        return _Node(NUMBER, lambda scope: Decimal(len(_stated(value, scope))))

    def _function_sum(self, tree: Tree[Any], value: _Node) -> _Node:
        _require(value, ListOf(NUMBER), tree)

        def run(scope: _Scope) -> Decimal:
            numbers = value.run(scope)
            if None in numbers:
                raise Undecided(f"{value.path or 'the sum'} has rows without a number")
            total: Decimal = _defined(lambda: sum(numbers, Decimal(0)))
            return total

        return _Node(NUMBER, run)

    def _function_abs(self, tree: Tree[Any], value: _Node) -> _Node:
        _require(value, NUMBER, tree)
        return _Node(NUMBER, lambda scope: abs(_stated(value, scope)))

    def _function_round(self, tree: Tree[Any], value: _Node, digits: _Node) -> _Node:
        _require(value, NUMBER, tree)
        _require(digits, NUMBER, tree)

        def run(scope: _Scope) -> Decimal:
            places = _stated(digits, scope)
            if places not in range(13):
                raise Undecided("a number is rounded to 0 to 12 decimals")
            number: Decimal = _stated(value, scope)
            rounded: Decimal = _defined(lambda: number.quantize(Decimal(1).scaleb(-int(places)), ROUND_HALF_UP))
            return rounded

        return _Node(NUMBER, run)

    def _function_date(self, tree: Tree[Any], value: _Node) -> _Node:
        text = _constant(value, tree)
        try:
            day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
        except ValueError:
            day = None
        if day is None:
            raise ExpressionInvalid(f"{_at(tree)}`{text}` is not a date such as 2026-01-31")
        return _Node(DATE, lambda _scope: day, text)

    def _member_dot_arg(self, tree: Tree[Any]) -> _Node:
        of, name = self.node(tree.children[0]), str(tree.children[1])
        given = list(tree.children[2].children) if len(tree.children) > 2 else []
        if isinstance(of.type, ListOf) and name in _MACROS:
            return self._macro(tree, of, of.type.of, name, given)
        if of.type == TEXT and name in _TEXT_METHODS:
            return self._text_method(tree, of, name, [self.node(each) for each in given])
        if name == "size" and not given:
            return self._function_size(tree, of)
        known = _MACROS if isinstance(of.type, ListOf) else _TEXT_METHODS if of.type == TEXT else ()
        raise ExpressionInvalid(f"{_at(tree)}{of.type} has no function `{name}`{_meant(name, known)}")

    def _text_method(self, tree: Tree[Any], of: _Node, name: str, given: Sequence[_Node]) -> _Node:
        if name in ("lowerAscii", "upperAscii"):
            if given:
                raise ExpressionInvalid(f"{_at(tree)}`{name}` takes no argument")
            change: Callable[[str], str] = str.lower if name == "lowerAscii" else str.upper
            return _Node(TEXT, lambda scope: change(_stated(of, scope)), of.path)
        if len(given) != 1:
            raise ExpressionInvalid(f"{_at(tree)}`{name}` takes 1 argument")
        [other] = given
        if name == "matches":
            try:
                pattern = compiled(_constant(other, tree))
            except re2.error:
                raise ExpressionInvalid(f"{_at(tree)}not a regular expression of RE2") from None
            return _Node(BOOL, lambda scope: pattern.search(_stated(of, scope)) is not None)
        _require(other, TEXT, tree)
        ask = _TEXT_METHODS[name]
        return _Node(BOOL, lambda scope: ask(_stated(of, scope), _stated(other, scope)))

    def _macro(self, tree: Tree[Any], of: _Node, row: Type, name: str, given: list[Any]) -> _Node:
        variable = _variable(given[0]) if len(given) == 2 else None
        if variable is None:
            raise ExpressionInvalid(f"{_at(tree)}`{name}` takes a variable and an expression, such as {name}(l, ...)")
        if variable in self._roots or variable in self._locals:
            raise ExpressionInvalid(f"{_at(tree)}the variable `{variable}` has the name of a field")
        self._locals[variable] = row
        body = self.node(given[1])
        del self._locals[variable]
        if name != "map":
            _require(body, BOOL, tree)

        def each(scope: _Scope) -> Iterator[Callable[[], Any]]:
            for value in of.run(scope):
                scope.values[variable] = value
                yield lambda: body.run(scope)

        def kept(scope: _Scope) -> list[Any]:
            return [scope.values[variable] for test in each(scope) if test()]

        match name:
            case "exists":
                return _Node(BOOL, lambda scope: _decided(each(scope), decisive=True))
            case "all":
                return _Node(BOOL, lambda scope: _decided(each(scope), decisive=False))
            case "exists_one":
                return _Node(BOOL, lambda scope: len(kept(scope)) == 1)
            case "filter":
                return _Node(of.type, kept, of.path)
            case _:
                return _Node(ListOf(body.type), lambda scope: [work() for work in each(scope)], body.path)

    def _paren_expr(self, tree: Tree[Any]) -> _Node:
        return self.node(tree.children[0])


_TRANSPARENT: Final = frozenset(
    (
        "expr",
        "conditionalor",
        "conditionaland",
        "relation",
        "addition",
        "multiplication",
        "unary",
        "member",
        "primary",
        "literal",
        "paren_expr",
    )
)
_MACROS: Final = ("exists", "all", "exists_one", "filter", "map")
_FUNCTIONS: Final[Mapping[str, int]] = {"has": 1, "size": 1, "sum": 1, "abs": 1, "round": 2, "date": 1}
_TEXT_METHODS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "contains": lambda text, part: part in text,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "matches": lambda _text, _pattern: False,
    "lowerAscii": lambda _text, _none: False,
    "upperAscii": lambda _text, _none: False,
}


def _decided(parts: Iterable[Callable[[], Any]], *, decisive: bool) -> bool:
    """`decisive` if a part is it; else the opposite. What cannot be decided counts only where no part is decisive."""
    undecided: Undecided | None = None
    for part in parts:
        try:
            if part() == decisive:
                return decisive
        except Undecided as error:
            undecided = undecided or error
    if undecided is not None:
        raise undecided
    return not decisive


def _number(token: Token) -> Decimal:
    text = str(token).rstrip("uU")
    if "x" in text.lower():
        return Decimal(int(text, 16))
    number = Decimal(text) if len(text) <= _MOST_DIGITS else Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise ExpressionInvalid(f"{_at(token)}this number is beyond all bounds")
    return number


def _variable(tree: Any) -> str | None:
    while isinstance(tree, Tree) and len(tree.children) == 1 and tree.data != "ident":
        tree = tree.children[0]
    return str(tree.children[0]) if isinstance(tree, Tree) and tree.data == "ident" else None


def _constant(node: _Node, tree: Tree[Any]) -> str:
    """The text of a literal."""
    try:
        value = node.run(_Scope({}))
    except (KeyError, Undecided):
        value = None
    if node.type != TEXT or not isinstance(value, str):
        raise ExpressionInvalid(f"{_at(tree)}a text in quotation marks is needed here")
    return value


def _require(node: _Node, kind: Type, tree: Tree[Any]) -> None:
    if node.type != kind:
        raise ExpressionInvalid(f"{_at(tree)}{node.path or 'this'} is {node.type}, not {kind}")


def _same(left: _Node, right: _Node, tree: Tree[Any]) -> None:
    if left.type != right.type and NULL not in (left.type, right.type):
        raise ExpressionInvalid(f"{_at(tree)}{left.type} is compared with {right.type}")


def _at(place: Tree[Any] | Token) -> str:
    line, column = (
        (place.line, place.column)
        if isinstance(place, Token)
        else (getattr(place.meta, "line", None), getattr(place.meta, "column", None))
    )
    return f"line {line}, column {column}: " if line else ""


def _meant(name: str, known: Any) -> str:
    close = next(iter(get_close_matches(name, list(known), n=1)), None)
    return f"; is `{close}` meant?" if close else ""
