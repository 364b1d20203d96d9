"""`python -m cira_pipeline.api`: the service as `cira up` starts it, by the environment's settings."""

from cira_pipeline.api.server import serve
from cira_pipeline.settings import load_settings

if __name__ == "__main__":
    serve(load_settings())
