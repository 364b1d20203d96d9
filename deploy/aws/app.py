"""`python app.py FOLDER` writes the template of the stack into FOLDER."""

from __future__ import annotations

import sys

from aws_cdk import App
from cira_stack import CiraStack

app = App(outdir=sys.argv[1] if len(sys.argv) > 1 else None, analytics_reporting=False)
# No assets, so that no bootstrapped account is needed: CloudFormation takes the template as it is.
app.node.set_context("@aws-cdk/core:newStyleStackSynthesis", False)
CiraStack(app, "Cira")
app.synth()
