"""The job that moves model batches on: a run of it is one round. `sensors/model_batches.py` asks for runs."""

import dagster as dg

from resources.processor import ProcessorResource

MOVE_MODEL_BATCHES = "move_model_batches"


@dg.op(
    name=MOVE_MODEL_BATCHES,
    description="Sends the questions that wait for a batch, looks how batches stand, and keeps the answers of those "
    "that have ended. A round that is killed is done again by the next one.",
)
def move(context: dg.OpExecutionContext, processor: ProcessorResource) -> None:
    with processor.opened_batches() as batches:
        moved = batches.move()
    if moved.busy:
        context.log.info("Another process moves the batches on at this moment.")
    for model_batch_id, code in moved.troubled.items():
        context.log.warning(f"{model_batch_id}: {code}; `cira batches` tells more")
    context.add_output_metadata(
        {"batches sent": len(moved.sent), "batches ended": len(moved.ended), "answers kept": moved.answers}
    )


@dg.job(
    name="model_batches",
    description="One round over the model batches: send, look, keep answers. Jobs that have theirs are queued again by "
    "new_invoices.",
)
def model_batches() -> None:
    move()
