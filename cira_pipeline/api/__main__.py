"""`python -m cira_pipeline.api`: runs the REST service with settings from the environment, as `cira up` does."""

from cira_pipeline.api.server import serve
from cira_pipeline.settings import load_settings

if __name__ == "__main__":
    serve(load_settings())
