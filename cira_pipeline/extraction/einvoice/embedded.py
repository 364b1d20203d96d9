"""What stands for the invoice inside a hybrid PDF."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EmbeddedXml:
    """`name` as in the PDF; `usual` whether the format's own rules name it so; `others` further invoice XML in it."""

    name: str
    content: bytes
    usual: bool
    others: tuple[str, ...] = ()
