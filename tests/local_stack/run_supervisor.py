"""`cira up` over the definitions given: `python -m tests.local_stack.run_supervisor MODULE`, settings from CIRA_*."""

import sys

from cira_pipeline.local_stack.supervisor import Supervisor
from cira_pipeline.settings import load_settings

supervisor = Supervisor(load_settings(), say=lambda line: print(line, flush=True), definitions_module=sys.argv[1])
try:
    with supervisor.running() as services:
        print(f"READY {services.ui_url}", flush=True)
        supervisor.wait()
except KeyboardInterrupt:
    print("STOPPED", flush=True)
