"""Many rows in one statement."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Select, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute

Columns = dict[InstrumentedAttribute[Any], Sequence[Any]]


def rows_of(columns: Mapping[InstrumentedAttribute[Any], Sequence[Any]]) -> Select[Any]:
    """The rows of these columns, each in one array: the statement is the same for any number of rows, and compiled once."""
    return select(
        *(
            func.unnest(bindparam(None, list(values), ARRAY(column.type))).label(column.key)
            for column, values in columns.items()
        )
    )
