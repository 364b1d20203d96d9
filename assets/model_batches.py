"""Job that advances model batches, one polling round in each run. `sensors/model_batches.py` requests the runs."""

import dagster as dg

from resources.processor import ProcessorResource

MOVE_MODEL_BATCHES = "move_model_batches"


@dg.op(
    name=MOVE_MODEL_BATCHES,
    description="Sends queued questions in model batches, polls the state of the batches, and stores the answers of "
    "those that have ended. The next round repeats a round that was killed.",
)
def move(context: dg.OpExecutionContext, processor: ProcessorResource) -> None:
    with processor.opened_batches() as batches:
        moved = batches.move()
    if moved.busy:
        context.log.info("Another process is advancing the model batches now.")
    for model_batch_id, code in moved.troubled.items():
        context.log.warning(f"{model_batch_id}: {code}; run `cira batches` for details")
    context.add_output_metadata(
        {"batches sent": len(moved.sent), "batches ended": len(moved.ended), "answers kept": moved.answers}
    )


@dg.job(
    name="model_batches",
    description="One round over the model batches: send, poll, store answers. new_invoices queues the jobs again that "
    "have all their answers.",
)
def model_batches() -> None:
    move()
