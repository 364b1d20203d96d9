"""Route class that refuses unknown query parameters, because an ignored misspelt filter would list everything."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from cira_pipeline.api.problem_models import FieldProblem
from cira_pipeline.errors import RequestInvalid
from cira_pipeline.invoice_bounds import visible

OWN_FIELD = re.compile(r"custom\.[a-z][a-z0-9_]{0,49}")
"""The query parameter of a declared field."""
_MOST_OWN_FIELDS = 20
_MAX_CHARS = 1_000


def own_field_filter(request: Request) -> dict[str, str]:
    """The parameters `custom.NAME=VALUE`, by name. Raises: RequestInvalid."""
    given = [(name, value) for name, value in request.query_params.multi_items() if OWN_FIELD.fullmatch(name)]
    found = {name.removeprefix("custom."): value for name, value in given}
    wrong = [
        FieldProblem(pointer=f"query/{name}", detail=f"a value of 1 to {_MAX_CHARS:,} visible characters was expected")
        for name, value in given
        if visible(value) != value or len(value) > _MAX_CHARS
    ]
    if len(found) < len(given) or len(found) > _MOST_OWN_FIELDS:
        wrong.append(
            FieldProblem(pointer="query", detail=f"each custom.NAME at most once, and at most {_MOST_OWN_FIELDS}")
        )
    if wrong:
        raise RequestInvalid("the request has invalid query parameters", wrong=wrong[:20])
    return found


OwnFieldFilter = Annotated[dict[str, str], Depends(own_field_filter)]


class StrictRoute(APIRoute):
    """A route that accepts only the query parameters it declares. Raises: RequestInvalid."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = frozenset(_query_names(self.dependant))
        own_fields = any(part.call is own_field_filter for part in self.dependant.dependencies)

        async def handle_known(request: Request) -> Response:
            if request.scope["query_string"] and (
                unknown := sorted(
                    name for name in set(request.query_params) - known if not (own_fields and OWN_FIELD.fullmatch(name))
                )
            ):
                raise RequestInvalid(
                    "the request has unknown query parameters",
                    # At most 20 names, and no values, which may be secret.
                    wrong=[FieldProblem(pointer=f"query/{name[:100]}", detail="unknown") for name in unknown[:20]],
                )
            return await handle(request)

        return handle_known


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for part in dependant.dependencies:
        yield from _query_names(part)
