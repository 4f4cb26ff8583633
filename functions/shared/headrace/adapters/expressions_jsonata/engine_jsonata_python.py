"""jsonata-python (pure Python): the fallback where jsonatapy has no wheel, and the second opinion on errors.

About a hundred times slower, and without limits of its own that hold, so it only ever runs in a worker. Traps: its
top-level variables outlive an evaluation unless it is given bindings; it may change its input; its results are
list subclasses, null objects and functions.
"""

import signal
from functools import lru_cache
from types import FrameType
from typing import Any

import orjson
from jsonata import jsonata
from jsonata.jexception import JException

from headrace.adapters.expressions_jsonata.limits import COMPILED_EXPRESSIONS, SOFT_CPU_MS
from headrace.adapters.expressions_jsonata.results import TookTooLong, plain, shown
from headrace.errors import InvalidExpression
from headrace.ports.program import ExpressionFailed


class _GaveUp(BaseException):
    """Not an Exception, so that no handler inside the engine takes it for its own."""


class JsonataPythonEngine:
    """Evaluates one expression over one JSON value. Main thread of its process only: it owns SIGVTALRM."""

    def __init__(self) -> None:
        signal.signal(signal.SIGVTALRM, _give_up)

    def compile(self, expression: str) -> None:
        """Parse `expression`. Raises InvalidExpression with the position."""
        _compiled(expression)

    def evaluate(self, expression: str, value: Any) -> Any:
        """The result in plain JSON types, absent as None. Raises ExpressionFailed, MemoryError."""
        try:
            compiled = _compiled(expression)
            own = orjson.loads(orjson.dumps(value)) if isinstance(value, dict | list) else value
            signal.setitimer(signal.ITIMER_VIRTUAL, SOFT_CPU_MS / 1000)
            try:
                return plain(compiled.evaluate(own, {"eval": _REFUSED_EVAL}))
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        except InvalidExpression as cause:
            raise ExpressionFailed(str(cause)) from cause
        except _GaveUp:
            text = f"D1012: Evaluation timeout after {SOFT_CPU_MS} milliseconds. Check for infinite loop"
            raise TookTooLong(text) from None
        except RecursionError:
            raise ExpressionFailed("D1011: Stack overflow. Check for non-terminating recursive function") from None
        except (ExpressionFailed, MemoryError):
            raise
        except JException as cause:
            raise ExpressionFailed(_text(cause)) from cause
        except Exception as cause:  # it lets Python's own errors through: TypeError, re.error, ZeroDivisionError
            raise ExpressionFailed(shown(cause)) from cause


@lru_cache(maxsize=COMPILED_EXPRESSIONS)
def _compiled(expression: str) -> jsonata.Jsonata:
    try:
        compiled = jsonata.Jsonata(expression)
    except JException as cause:
        position = cause.location if cause.location >= 0 else None
        raise InvalidExpression(_text(cause), position=position) from cause
    except RecursionError:
        raise InvalidExpression("the expression is nested too deeply") from None
    except MemoryError:
        raise
    except Exception as cause:  # a broken pattern is an error of Python's re
        raise InvalidExpression(shown(cause)) from cause
    compiled.set_validate_input(False)  # orjson made the input, so it is JSON
    return compiled


def _give_up(_signal: int, _frame: FrameType | None) -> None:
    raise _GaveUp


def _refuse_eval(*_arguments: Any) -> None:
    raise ExpressionFailed("$eval is not offered: write the expression out")


_REFUSED_EVAL = jsonata.Jsonata.JLambda(_refuse_eval)
_REFUSED_EVAL.get_number_of_args = lambda: 1  # asked for when it is partially applied


def _text(cause: JException) -> str:
    return shown(f"{cause.error}: {cause}")
