"""The member `error` that clients of the Open Inference Protocol show, in problems under `/v2`."""

from typing import Any

import msgspec

from scoreline.http.exchange import Answer

_TOLD = 3


def add_error(answer: Answer) -> Answer:
    """The same problem, which also says what is wrong in one text.

    Args:
        answer: a problem+json, as `scoreline.http.errors.answer_problem` makes it.
    """
    problem: dict[str, Any] = msgspec.json.decode(answer.body)
    problem["error"] = "; ".join([f"{problem['title']}: {problem['detail']}", *_tell(problem.get("errors", []))])
    return answer._replace(body=msgspec.json.encode(problem))


def _tell(errors: list[dict[str, Any]]) -> list[str]:
    """The first of what is wrong with rows."""
    return [
        f"instance {each['instance']}" + (f", {each['feature']!r}" if "feature" in each else "") + f": {each['detail']}"
        for each in errors[:_TOLD]
    ]
