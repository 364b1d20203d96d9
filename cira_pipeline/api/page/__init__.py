"""The page at `/`, for people: server-rendered, without a build step and without anything from elsewhere."""

from cira_pipeline.api.page import link_routes, overview_routes, record_routes, sign_in_routes, static_routes

ROUTERS = (
    overview_routes.router,
    link_routes.router,
    sign_in_routes.sign_in_router(sign_in_routes.PAGE),
    record_routes.router,
    static_routes.router,
)
