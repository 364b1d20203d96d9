from __future__ import annotations

import gzip
import threading
import time
import zlib
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest

from cira_pipeline.errors import (
    AddressRefused,
    CiraError,
    DocumentTooLarge,
    DownloadTimedOut,
    RedirectRefused,
    SourceAnswerInvalid,
    SourceForbidden,
    SourceNotFound,
    SourceUnavailable,
    TooManyRedirects,
    UrlInvalid,
    UrlSchemeUnsupported,
)
from tests.intake.conftest import NewFetcher
from tests.intake.hostile_server import HostileServer

LIMIT = 100_000


def _write(answer: bytes, handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(answer)


def test_a_document_comes_back_as_it_was_served(server: HostileServer, new_fetcher: NewFetcher) -> None:
    content = bytes(range(256)) * 100
    url = server.serve("/invoices/1.pdf", content, Content_Type="application/pdf; x=1")
    fetched = new_fetcher().fetch(url + "#page=1")
    assert fetched.content == content
    assert fetched.final_url == url
    assert fetched.file_name == "1.pdf"
    assert fetched.declared_media_type == "application/pdf"


def test_a_signed_url_reaches_the_server_unchanged(server: HostileServer, new_fetcher: NewFetcher) -> None:
    server.serve("/a%2fb;v=1", b"x")
    new_fetcher().fetch(server.url("/a%2fb;v=1?sig=aB%2fc%2B%3d&empty="))
    assert server.requests == ["/a%2fb;v=1?sig=aB%2fc%2B%3d&empty="]
    assert server.hosts == [f"127.0.0.1:{server.port}"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="Rechnung 7.pdf"', "Rechnung 7.pdf"),
        ("attachment; filename*=UTF-8''Rechnung%20%C3%BC.pdf", "Rechnung ü.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\temp\\\\a.pdf"', "a.pdf"),
        ('attachment; filename=".."', "download"),
        ("attachment; filename=a.pdf; filename*; filename*0\t", "download"),
        ("attachment; filename*=klingon''a.pdf", "a.pdf"),
        ("inline", "download"),
    ],
)
def test_a_file_name_is_only_ever_a_name(
    server: HostileServer, new_fetcher: NewFetcher, disposition: str, name: str
) -> None:
    url = server.serve("/download", b"x", Content_Disposition=disposition)
    assert new_fetcher().fetch(url).file_name == name


def test_a_file_name_in_utf_8_is_readable(server: HostileServer, new_fetcher: NewFetcher) -> None:
    head = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Disposition: attachment; filename="März.pdf"\r\n\r\nx'
    for answer in (head.encode("utf-8"), head.encode("latin-1")):
        url = server.behave("/", partial(_write, answer))
        assert new_fetcher().fetch(url).file_name == "März.pdf"


class TestSize:
    def test_an_announced_giant_is_refused_before_it_is_read(
        self, server: HostileServer, new_fetcher: NewFetcher
    ) -> None:
        url = server.drips("/", b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n", b"x")
        with pytest.raises(DocumentTooLarge, match="100,001"):
            new_fetcher().fetch(url)

    def test_an_endless_body_is_left_at_the_limit(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
        url = server.drips("/", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, every_s=0)
        with pytest.raises(DocumentTooLarge):
            new_fetcher().fetch(url)

    def test_a_file_of_just_the_limit_is_taken(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        assert len(new_fetcher().fetch(server.serve("/", b"x" * LIMIT)).content) == LIMIT
        with pytest.raises(DocumentTooLarge):
            new_fetcher().fetch(server.serve("/", b"x" * (LIMIT + 1)))

    def test_a_gzip_bomb_is_left_at_the_limit(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        bomb = gzip.compress(bytes(50_000_000))
        assert len(bomb) < LIMIT
        with pytest.raises(DocumentTooLarge):
            new_fetcher().fetch(server.serve("/", bomb, Content_Encoding="gzip"))

    @pytest.mark.parametrize(("encoding", "packed"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
    def test_a_file_that_is_kept_compressed_is_unpacked(
        self, server: HostileServer, new_fetcher: NewFetcher, encoding: str, packed: object
    ) -> None:
        content = b"invoice " * 10_000
        url = server.serve("/", packed(content), Content_Encoding=encoding)
        assert new_fetcher().fetch(url).content == content

    def test_half_a_compressed_file_is_not_taken_for_a_whole_one(
        self, server: HostileServer, new_fetcher: NewFetcher
    ) -> None:
        url = server.serve("/", gzip.compress(b"invoice " * 1000)[:-20], Content_Encoding="gzip")
        with pytest.raises(SourceUnavailable, match="is incomplete"):
            new_fetcher().fetch(url)

    def test_an_encoding_nobody_asked_for_is_named(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        with pytest.raises(SourceAnswerInvalid, match="'br'"):
            new_fetcher().fetch(server.serve("/", b"x", Content_Encoding="br"))


class TestTime:
    @pytest.mark.parametrize(
        ("beginning", "drop"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
            (b"HTTP/1.1 200 OK\r\n", b"X-Filler: x\r\n"),
            (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
            (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        ],
        ids=["body", "headers", "one header", "interim answers"],
    )
    def test_a_server_that_drips_for_ever_does_not_hold_a_worker(
        self, server: HostileServer, new_fetcher: NewFetcher, beginning: bytes, drop: bytes
    ) -> None:
        began = time.monotonic()
        with pytest.raises(DownloadTimedOut):
            new_fetcher(fetch_timeout_s=0.5).fetch(server.drips("/", beginning, drop))
        assert time.monotonic() - began < 5

    def test_redirects_do_not_win_more_time(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        def slow_redirect(handler: BaseHTTPRequestHandler) -> None:
            server.over.wait(0.2)
            handler.send_response(302)
            handler.send_header("Location", "/")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with pytest.raises(DownloadTimedOut):
            new_fetcher(fetch_timeout_s=0.5, fetch_max_redirects=100).fetch(server.behave("/", slow_redirect))

    def test_a_silent_server_is_given_up_before_the_time_is_up(
        self, server: HostileServer, new_fetcher: NewFetcher
    ) -> None:
        url = server.behave("/", lambda _: server.over.wait(20) and None)
        with pytest.raises(SourceUnavailable, match="sent nothing"):
            new_fetcher(fetch_stall_timeout_s=0.2).fetch(url)

    def test_a_name_server_that_does_not_answer_does_not_hold_a_worker(self, new_fetcher: NewFetcher) -> None:
        never = threading.Event()

        def resolver(host: str, port: int) -> list[str]:
            never.wait(10)
            return []

        with pytest.raises(DownloadTimedOut):
            new_fetcher(resolver=resolver, fetch_timeout_s=0.2).fetch("http://slow.example/")
        never.set()


class TestRedirects:
    def test_they_are_followed_to_the_document(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        document = server.serve("/files/final.pdf", b"document")
        for status in (301, 302, 303, 307, 308):
            server.redirect("/old", "/files/../files/final.pdf?x=1#y", status)
            fetched = new_fetcher().fetch(server.url("/old"))
            assert (fetched.content, fetched.final_url) == (b"document", f"{document}?x=1")
            assert fetched.file_name == "final.pdf"

    def test_a_circle_ends(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        url = server.redirect("/", "/")
        with pytest.raises(TooManyRedirects):
            new_fetcher(fetch_max_redirects=3).fetch(url)
        assert len(server.requests) == 4

    @pytest.mark.parametrize(
        "location",
        [
            "http://127.0.0.2/",
            "http://[::1]/",
            "http://2130706434/",
            "http://169.254.169.254/latest/meta-data/",
            "//10.0.0.1/",
        ],
    )
    def test_they_do_not_lead_into_our_own_network(
        self, server: HostileServer, new_fetcher: NewFetcher, location: str
    ) -> None:
        with pytest.raises(AddressRefused):
            new_fetcher().fetch(server.redirect("/", location))

    @pytest.mark.parametrize(
        ("location", "error"),
        [
            ("file:///etc/passwd", RedirectRefused),
            ("s3://bucket/key", RedirectRefused),
            ("ftp://example.com/", UrlSchemeUnsupported),
            ("http://user:password@127.0.0.1/", UrlInvalid),
            ("http://exa mple/", UrlInvalid),
            ("http://[::1", UrlInvalid),
            ("//[", UrlInvalid),
            ("http://[::1]x/", UrlInvalid),
            ("http://[v1.x]/", UrlInvalid),
            ("http://h:port/", UrlInvalid),
            ("http://h:99999/", UrlInvalid),
        ],
    )
    def test_they_lead_to_web_servers_only(
        self, server: HostileServer, new_fetcher: NewFetcher, location: str, error: type[CiraError]
    ) -> None:
        with pytest.raises(error):
            new_fetcher().fetch(server.redirect("/", location))

    def test_one_that_names_no_place_is_no_document(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        with pytest.raises(SourceAnswerInvalid):
            new_fetcher().fetch(server.serve("/", b"moved", status=302))


class TestAddresses:
    @pytest.mark.parametrize(
        "host",
        ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "0"],
    )
    def test_this_machine_is_not_read_by_any_of_its_names(
        self, server: HostileServer, new_fetcher: NewFetcher, host: str
    ) -> None:
        url = server.serve("/", b"secret").replace("127.0.0.1", host)
        with pytest.raises(AddressRefused):
            new_fetcher(fetch_allowed_hosts=()).fetch(url)
        assert server.requests == []

    def test_a_name_that_changes_its_address_is_connected_where_it_was_checked(
        self, server: HostileServer, new_fetcher: NewFetcher
    ) -> None:
        answers = ["127.0.0.1", "127.0.0.2"]

        def rebinding(host: str, port: int) -> list[str]:
            return [answers.pop(0)]

        server.serve("/", b"document")
        server.redirect("/again", "/")
        fetcher = new_fetcher(resolver=rebinding)
        assert fetcher.fetch(server.url("/", host="rebinding.example")).content == b"document"
        assert answers == ["127.0.0.2"], "the name was resolved a second time after it had been checked"
        assert server.hosts == [f"rebinding.example:{server.port}"]
        answers.insert(0, "127.0.0.1")
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.2"):
            fetcher.fetch(server.url("/again", host="rebinding.example"))

    def test_a_second_address_is_tried_when_the_first_does_not_answer(
        self, server: HostileServer, new_fetcher: NewFetcher
    ) -> None:
        server.serve("/", b"document")
        fetcher = new_fetcher(
            resolver=lambda host, port: ["127.0.0.3", "127.0.0.1"], fetch_allowed_hosts=("two.example",)
        )
        assert fetcher.fetch(server.url("/", host="two.example")).content == b"document"

    def test_a_host_that_does_not_exist_is_not_found(self, new_fetcher: NewFetcher) -> None:
        import socket

        def resolver(host: str, port: int) -> list[str]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        with pytest.raises(SourceNotFound, match=r"no host missing\.example"):
            new_fetcher(resolver=resolver).fetch("https://missing.example/")

    def test_a_proxy_in_the_environment_does_not_get_our_invoices(
        self, server: HostileServer, new_fetcher: NewFetcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert new_fetcher().fetch(server.serve("/", b"document")).content == b"document"


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (401, SourceForbidden),
            (403, SourceForbidden),
            (404, SourceNotFound),
            (410, SourceNotFound),
            (400, SourceAnswerInvalid),
            (206, SourceAnswerInvalid),
            (429, SourceUnavailable),
            (500, SourceUnavailable),
            (503, SourceUnavailable),
        ],
    )
    def test_each_refusal_has_its_own_error_and_shows_no_signature(
        self, server: HostileServer, new_fetcher: NewFetcher, status: int, error: type[CiraError]
    ) -> None:
        url = server.serve("/a.pdf", b"no", status=status)
        with pytest.raises(error) as failed:
            new_fetcher().fetch(f"{url}?sig=s3cret")
        assert str(status) in failed.value.message
        assert "s3cret" not in str(failed.value)

    def test_what_passes_is_tried_again(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        def first_reset_then_503_then_document(handler: BaseHTTPRequestHandler) -> None:
            if len(server.requests) == 1:
                handler.connection.close()
                return
            status = 503 if len(server.requests) == 2 else 200
            handler.send_response(status)
            handler.send_header("Retry-After", "0")
            handler.send_header("Content-Length", "8")
            handler.end_headers()
            handler.wfile.write(b"document")

        url = server.behave("/", first_reset_then_503_then_document)
        assert new_fetcher(fetch_attempts=3).fetch(url).content == b"document"
        assert len(server.requests) == 3

    def test_what_does_not_pass_is_asked_for_once(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        with pytest.raises(SourceNotFound):
            new_fetcher(fetch_attempts=3).fetch(server.url("/missing"))
        assert len(server.requests) == 1

    def test_a_server_that_wants_an_hour_is_not_waited_for(
        self, server: HostileServer, new_fetcher: NewFetcher
    ) -> None:
        url = server.serve("/", b"", status=503, Retry_After="3600")
        with pytest.raises(SourceUnavailable) as failed:
            new_fetcher(fetch_attempts=3).fetch(url)
        assert failed.value.detail["retry_after_s"] == 3600
        assert len(server.requests) == 1

    def test_half_a_document_is_not_taken_for_a_whole_one(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        def hangs_up(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

        with pytest.raises(SourceUnavailable):
            new_fetcher().fetch(server.behave("/", hangs_up))

    def test_what_is_not_http_is_unavailable(self, server: HostileServer, new_fetcher: NewFetcher) -> None:
        url = server.behave("/", lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n") and None)
        with pytest.raises(SourceUnavailable):
            new_fetcher().fetch(url)


def test_many_threads_share_one_fetcher(server: HostileServer, new_fetcher: NewFetcher) -> None:
    from concurrent.futures import ThreadPoolExecutor

    urls = [server.serve(f"/{number}", str(number).encode()) for number in range(40)]
    fetcher = new_fetcher()
    with ThreadPoolExecutor(8) as threads:
        assert [each.content for each in threads.map(fetcher.fetch, urls)] == [str(n).encode() for n in range(40)]
