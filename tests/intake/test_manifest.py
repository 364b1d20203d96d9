from __future__ import annotations

from pathlib import Path

import pytest

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.errors import ManifestInvalid
from cira_pipeline.intake.manifest import read_manifest


def manifest(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "invoices.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_column_reaches_the_job(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "url,client_reference,idempotency_key,policy\n"
        'HTTPS://Example.com/a.pdf,"Order 7, part ""b""",key-1,offline_only\n'
        "s3://bucket/b.pdf,,,\n",
    )
    assert read_manifest(path, client="finance") == [
        Submission("https://example.com/a.pdf", "finance", "key-1", 'Order 7, part "b"', "offline_only", "manifest"),
        Submission("s3://bucket/b.pdf", "finance", "", None, None, "manifest"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "url,client_reference\nhttps://h/a.pdf,Müller\n",
        "\ufeffurl;client_reference\r\nhttps://h/a.pdf;Müller\r\n",
        "client_reference\turl\nMüller\thttps://h/a.pdf",
        "\nURL , Client_Reference \n\n  https://h/a.pdf , Müller\n,\n\n",
        'url;client_reference;;\n"https://h/a.pdf";"Müller";;\n',
        "url;client_reference\nhttps://h/a.pdf;Müller\n".encode("utf-16"),
    ],
    ids=["plain", "Excel", "tabs", "blank lines", "trailing separators", "UTF-16"],
)
def test_what_spreadsheets_export_is_read(tmp_path: Path, content: str | bytes) -> None:
    assert read_manifest(manifest(tmp_path, content)) == [
        Submission("https://h/a.pdf", client_reference="Müller", source="manifest")
    ]


def test_a_reference_of_several_lines_does_not_shift_line_numbers(tmp_path: Path) -> None:
    path = manifest(tmp_path, 'url,client_reference\nhttps://h/a.pdf,"one\ntwo"\nftp://h/b.pdf,\n')
    with pytest.raises(ManifestInvalid, match="line 4: URLs with the scheme ftp:"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("content", "said", "lines"),
    [
        ("", "header", (1,)),
        ("https://h/a.pdf\n", "header", (1,)),
        ("url\n\n", "no invoices", None),
        ("url,idempotency-key\nhttps://h/a.pdf,1\n", "unknown columns idempotency-key", (1,)),
        ("url,url\nhttps://h/a.pdf,1\n", "twice", (1,)),
        ("url,policy\nhttps://h/a.pdf,\nhttps://h/b.pdf,cheap\n", "line 3: policy 'cheap' does not exist", (3,)),
        ("url,client_reference\n,7\n", "line 2: the url is missing", (2,)),
        ("url\nhttps://h/a.pdf?x=1,2\n", 'line 2: 2 cells under 1 columns.*"quotes"', (2,)),
        ("url\nhttps://h/a.pdf\nexample.com/b\nhttps://me:pw@h/c\n", "line 3: .*; line 4: ", (3, 4)),
        ('url\n"https://h/a.pdf\n', "line 2", (2,)),
        ('url\n"https://h/a.pdf"x\n', "line 2", (2,)),
        (b"url,client_reference\nhttps://h/a.pdf,M\xfcller\n", "line 2: the text is not UTF-8", (2,)),
        ("url,idempotency_key\nhttps://h/a.pdf," + "k" * 201, "line 2: the idempotency_key", (2,)),
        (b"PK\x03\x04\xff\xff", "not UTF-8", (1,)),
    ],
)
def test_a_bad_manifest_names_the_line_and_submits_nothing(
    tmp_path: Path, content: str | bytes, said: str, lines: tuple[int, ...] | None
) -> None:
    with pytest.raises(ManifestInvalid, match=said) as refused:
        read_manifest(manifest(tmp_path, content))
    assert refused.value.detail.get("lines") == lines
    assert "pw@" not in str(refused.value)


def test_many_bad_lines_make_one_short_message(tmp_path: Path) -> None:
    path = manifest(tmp_path, "url\n" + "nonsense\n" * 1000)
    with pytest.raises(ManifestInvalid, match="and 995 more") as refused:
        read_manifest(path)
    assert len(str(refused.value)) < 1000


def test_a_manifest_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(ManifestInvalid, match="cannot be read"):
            read_manifest(path)
