"""Records: named fields in memory that compiled functions read through one pointer.

A kernel that hands its hundred arrays and numbers from function to function one by one takes most
of its time to compile with that. A record is declared as a `NamedTuple` whose fields are arrays,
numbers, truth values or records; compiled functions take a pointer to it and read a field as an
attribute, an array as a pointer to its first number. Fields do not change while compiled code runs.
"""

# mypy: disable-error-code="no-untyped-call"

from enum import Enum
from functools import cache
from typing import Annotated, Any, NamedTuple, cast, get_type_hints

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import lower_getattr_generic, models, register_model

from sweep.kernel.vectors import instruction


class Holds(Enum):
    """What the arrays of a field hold."""

    NUMBERS = "numbers of the network's precision"
    DOUBLES = "float64"
    WORDS = "int64"
    BYTES = "int8"

    def element(self, dtype: str) -> np.dtype:
        fixed = {Holds.DOUBLES: "float64", Holds.WORDS: "int64", Holds.BYTES: "int8"}
        return np.dtype(fixed.get(self, dtype))


Numbers = Annotated[Any, Holds.NUMBERS]
Doubles = Annotated[Any, Holds.DOUBLES]
Words = Annotated[Any, Holds.WORDS]
Bytes = Annotated[Any, Holds.BYTES]

_ELEMENTS = {
    "float32": types.float32,
    "float64": types.float64,
    "int64": types.int64,
    "int8": types.int8,
}
_SCALARS = {int: types.int64, float: types.float64, bool: types.boolean}
_WORD = ir.IntType(64)


class RecordType(types.Type):
    """A pointer to a record of a class, for a network of a precision."""

    def __init__(self, record: type, dtype: str) -> None:
        self.fields: dict[str, types.Type] = {}
        for name, kind in _kinds(record).items():
            if isinstance(kind, Holds):
                self.fields[name] = types.CPointer(_ELEMENTS[kind.element(dtype).name])
            elif issubclass(kind, tuple):
                self.fields[name] = RecordType(kind, dtype)
            else:
                self.fields[name] = _SCALARS[kind]
        self.places = {name: place for place, name in enumerate(self.fields)}
        super().__init__(name=f"Record({record.__module__}.{record.__qualname__}, {dtype})")


@register_model(RecordType)
class _RecordModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: RecordType) -> None:
        super().__init__(manager, kind, _WORD.as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = RecordType

    def generic_resolve(self, kind: RecordType, name: str) -> Any:  # type: ignore[override]
        return kind.fields.get(name)


@lower_getattr_generic(RecordType)  # type: ignore[untyped-decorator]
def _read_field(context: Any, builder: Any, kind: RecordType, record: Any, name: str) -> Any:
    place = builder.gep(record, [ir.Constant(_WORD, kind.places[name])])
    word = builder.load(place, align=8)
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    field = kind.fields[name]
    value = context.get_value_type(field)
    if isinstance(field, types.CPointer | RecordType):
        return builder.inttoptr(word, value)
    if field == types.float64:
        return builder.bitcast(word, value)
    return word if field == types.int64 else builder.trunc(word, ir.IntType(1))


def record_reader(record: type, dtype: str) -> Any:
    """Return what compiled code makes a record's pointer with, of its address."""
    kind = RecordType(record, dtype)

    @instruction
    def read(typing: Any, address: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], _WORD.as_pointer())

        return kind(types.int64), emit

    return read


@instruction
def address_of(typing: Any, record: Any) -> Any:
    """Return the address of a record, to be read again by what is compiled apart."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ptrtoint(args[0], _WORD)

    return types.int64(record), emit


class Packed(NamedTuple):
    """A record laid out for compiled code.

    Attributes:
        words: of its fields. record: whose arrays stay alive with it.
        inner: the records that are fields of it.
    """

    words: np.ndarray
    record: Any
    inner: "tuple[Packed, ...]"

    @property
    def address(self) -> int:
        return self.words.ctypes.data


def pack(record: Any, dtype: str) -> Packed:
    """Lay a record out; its arrays are used where they are."""
    words, declared = np.empty(len(record), np.int64), cast("Any", type(record))
    inner: list[Packed] = []
    for place, (name, kind) in enumerate(_kinds(declared).items()):
        value = record[place]
        if isinstance(kind, Holds):
            assert value.dtype == kind.element(dtype), (name, value.dtype)
            assert value.flags.c_contiguous, name
            words[place] = value.ctypes.data
        elif issubclass(kind, tuple):
            inner.append(pack(value, dtype))
            words[place] = inner[-1].address
        elif kind is float:
            words[place] = np.float64(value).view(np.int64)
        else:
            words[place] = value
    return Packed(words, record, tuple(inner))


@cache
def _kinds(record: Any) -> dict[str, Any]:
    """Return what each field is: what its array holds, or int, float, bool or a record's class."""
    hints = get_type_hints(record, include_extras=True)
    return {name: getattr(hint, "__metadata__", (hint,))[0] for name, hint in hints.items()}
