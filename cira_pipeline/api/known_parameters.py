"""Route class that refuses unknown query parameters, because an ignored misspelt filter would list everything."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from cira_pipeline.api.problem_models import FieldProblem
from cira_pipeline.errors import RequestInvalid


class StrictRoute(APIRoute):
    """A route that accepts only the query parameters it declares. Raises: RequestInvalid."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = frozenset(_query_names(self.dependant))

        async def handle_known(request: Request) -> Response:
            if request.scope["query_string"] and (unknown := sorted(set(request.query_params) - known)):
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
