"""The tables of the elements in xraydb's file, one query away.

Importing xraydb costs a second (SQLAlchemy); its SQLite file needs only the standard library.
"""

from __future__ import annotations

import importlib.util
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from xorder.errors import BadInput

__all__ = ["query"]


def query(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query on xraydb's tables.

    Parameters
    ----------
    sql
        A SELECT; ``?`` stands for each of `values`.
    *values
        Values of the placeholders.

    Raises
    ------
    BadInput
        Where xraydb is not installed.
    """
    spec = importlib.util.find_spec("xraydb")
    if spec is None or spec.origin is None:
        raise BadInput("the package xraydb is not installed", expected="`pip install xraydb`")
    uri = (Path(spec.origin).parent / "xraydb.sqlite").as_uri() + "?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return connection.execute(sql, values).fetchall()
