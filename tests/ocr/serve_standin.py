"""An HTTP server that speaks docling-serve's v1 paths and answers as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from docling_core.types.doc.base import BoundingBox, CoordOrigin, Size
from docling_core.types.doc.common.content_layer import ContentLayer
from docling_core.types.doc.common.reference import ProvenanceItem
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.items.table.table_data import TableCell, TableData
from docling_core.types.doc.labels import DocItemLabel

Answer = tuple[int, bytes, dict[str, str]]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Standin:
    """`answers[step]` are given in turn, the last one again and again; steps: submit, poll, result."""

    answers: dict[str, list[Answer]]
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def answer(self, step: str) -> Answer:
        left = self.answers[step]
        return left.pop(0) if len(left) > 1 else left[0]


def answered(code: int = 200, /, **content: Any) -> Answer:
    return code, json.dumps(content).encode(), {"Content-Type": "application/json"}


def task(status: str, **more: Any) -> Answer:
    return answered(task_id="7f3c", task_type="convert", task_status=status, task_position=0, **more)


def converted(document: DoclingDocument | dict[str, Any] | None = None, status: str = "success", **more: Any) -> Answer:
    content = document.export_to_dict() if isinstance(document, DoclingDocument) else document
    return answered(
        document={"filename": "invoice.pdf", "json_content": content},
        status=status,
        processing_time=1.5,
        timings={},
        **({"errors": []} | more),
    )


def invoice_document() -> DoclingDocument:
    """As Docling's layout pipeline makes them: a heading, a table, a footer in the furniture; page 2 without text."""
    document = DoclingDocument(name="invoice")
    document.add_page(page_no=1, size=Size(width=600, height=800))
    document.add_page(page_no=2, size=Size(width=600, height=800))
    document.add_text(
        DocItemLabel.SECTION_HEADER,
        "Rechnung  Nr. 2024\u20110017",
        prov=ProvenanceItem(page_no=1, bbox=_from_below(50, 700, 250, 720), charspan=(0, 22)),
    )
    cells = [
        TableCell(
            text=text,
            bbox=BoundingBox(
                l=50 + 200 * column,
                t=200 + 20 * row,
                r=150 + 200 * column,
                b=215 + 20 * row,
                coord_origin=CoordOrigin.TOPLEFT,
            ),
            start_row_offset_idx=row,
            end_row_offset_idx=row + 1,
            start_col_offset_idx=column,
            end_col_offset_idx=column + 1,
        )
        for row, texts in enumerate((("Leistung", "Betrag"), ("Wartung", "1.107,00")))
        for column, text in enumerate(texts)
    ]
    document.add_table(
        TableData(num_rows=2, num_cols=2, table_cells=cells),
        prov=ProvenanceItem(page_no=1, bbox=_from_below(50, 560, 350, 600), charspan=(0, 0)),
    )
    document.add_text(
        DocItemLabel.PAGE_FOOTER,
        "USt-IdNr. DE136695976",
        prov=ProvenanceItem(page_no=1, bbox=_from_below(50, 20, 250, 32), charspan=(0, 21)),
        content_layer=ContentLayer.FURNITURE,
    )
    return document


@contextmanager
def docling_serve(**answers: Answer | list[Answer]) -> Iterator[Standin]:
    """Serves on loopback; by default a task that is ready at the second poll."""
    given = {
        "submit": [task("pending")],
        "poll": [task("started"), task("success")],
        "result": [converted(invoice_document())],
    }
    given |= {step: answer if isinstance(answer, list) else [answer] for step, answer in answers.items()}
    standin = Standin(given)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._reply("submit" if self.path == "/v1/convert/file/async" else None)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            steps = {"/v1/status/poll/7f3c": "poll", "/v1/result/7f3c": "result"}
            self._reply(steps.get(path))

        def _reply(self, step: str | None) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            standin.requests.append(Request(self.command, self.path, dict(self.headers), body))
            status, content, headers = standin.answer(step) if step else answered(404, detail="Not Found")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    standin.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def _from_below(left: float, bottom: float, right: float, top: float) -> BoundingBox:
    return BoundingBox(l=left, b=bottom, r=right, t=top, coord_origin=CoordOrigin.BOTTOMLEFT)
