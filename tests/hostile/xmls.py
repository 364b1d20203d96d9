"""Hostile XML, each under the root of an e-invoice where it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

START = b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">'
END = b"</Invoice>"


def invoice(inside: bytes, before: bytes = b"") -> bytes:
    return before + START + inside + END


def _billion() -> bytes:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE Invoice [<!ENTITY l0 "ha">{laughs}]>'.encode()


def _long_entity() -> bytes:
    return b'<!DOCTYPE Invoice [<!ENTITY a "%s">]>' % (b"x" * 1_000_000)


def xmls() -> Mapping[str, Callable[[], bytes]]:
    """At least 10, by what they try."""
    return {
        "a billion laughs": lambda: invoice(b"&l11;", _billion()),
        "a billion laughs in UTF-16": lambda: (_billion() + invoice(b"&l11;")).decode().encode("utf-16"),
        "a long entity many times": lambda: invoice(b"&a;" * 10_000, _long_entity()),
        "a file as an entity": lambda: invoice(b"&x;", b'<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file:///dev/zero">]>'),
        "a DTD from elsewhere": lambda: invoice(b"", b'<!DOCTYPE Invoice SYSTEM "http://127.0.0.1:9/x.dtd">'),
        "an attribute list of defaults": lambda: invoice(b"", b'<!DOCTYPE Invoice [<!ATTLIST Invoice a CDATA "x">]>'),
        "an inclusion of a file": lambda: invoice(
            b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
        ),
        "a million elements deep": lambda: invoice(b"<a>" * 1_000_000 + b"</a>" * 1_000_000),
        "199 elements deep, a thousand times": lambda: invoice((b"<a>" * 190 + b"</a>" * 190) * 1_000),
        "ten million elements": lambda: invoice(b"<a/>" * 10_000_000),
        "an element of 500,000 attributes": lambda: invoice(
            b"<a %s/>" % b" ".join(b'a%d=""' % number for number in range(500_000))
        ),
        "100,000 namespaces": lambda: invoice(
            b"<a %s/>" % b" ".join(b'xmlns:n%d="u:%d"' % (number, number) for number in range(100_000))
        ),
        "a text of 45 MB": lambda: invoice(b"<a>%s</a>" % (b"x" * 45_000_000)),
        "eight million character references": lambda: invoice(b"<a>%s</a>" % (b"&#65;" * 8_000_000)),
        "a name of 20 MB": lambda: invoice(b"<%s/>" % (b"a" * 20_000_000)),
        "a comment of 40 MB": lambda: invoice(b"<!--%s-->" % (b"- " * 20_000_000)),
        "two million processing instructions": lambda: invoice(b"<?a b?>" * 2_000_000),
        "an unclosed comment after many starts": lambda: b"<!--" + b"<!-- " * 2_000_000,
    }
