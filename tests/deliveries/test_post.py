"""Posting: whatever the other side does, it ends in time and says what is known."""

import time

import pytest

from cardctl.deliveries import patience, post
from cardctl.deliveries.failures import TooSlow, Unreachable
from cardctl.vault.secret import Secret
from tests.support.certificates import self_made
from tests.support.http_server import (
    goes_away,
    hangs,
    http_server,
    never_ends,
    says,
    says_less_than_nothing,
    trickles_body,
    trickles_headers,
)


@pytest.fixture
def poster(monkeypatch):
    monkeypatch.setattr(post, "DEADLINE_S", 0.7)
    made = post.Poster()
    yield made
    made.close()


def send(poster, url):
    return poster.post(Secret(url), b"{}", {})


@pytest.mark.parametrize(
    ("answer", "error"),
    [(hangs, TooSlow), (trickles_headers, TooSlow), (goes_away, Unreachable)],
)
def test_a_host_that_does_not_answer_is_left_in_time(poster, answer, error):
    with http_server(answer) as server:
        began = time.monotonic()
        with pytest.raises(error) as failed:
            send(poster, server.url("/send?key=made-up-bot-key"))
        assert time.monotonic() - began < 3
        assert len(server.requests) == 1
    assert "made-up-bot-key" not in str(failed.value) + repr(failed.value.details)


def test_silence_is_told_from_a_connection_that_is_not_there(monkeypatch):
    for module in (post, patience):
        monkeypatch.setattr(module, "SILENCE_S", 0.6)
    poster = post.Poster()
    with http_server(hangs) as server:
        with pytest.raises(TooSlow) as failed:
            send(poster, server.url())
        assert failed.value.details["seconds"] == 1
    with pytest.raises(Unreachable):
        send(poster, server.url())
    poster.close()


@pytest.mark.parametrize("answer", [trickles_body, never_ends, says_less_than_nothing])
def test_an_answer_that_does_not_end_or_makes_no_sense_is_not_read_for_ever(poster, answer):
    with http_server(answer) as server:
        began = time.monotonic()
        reply = send(poster, server.url())
        assert time.monotonic() - began < 3
    assert (reply.status, reply.body) == (200, None)


def test_a_redirection_is_not_followed_and_a_connection_is_used_again(poster):
    with (
        http_server(says(200)) as other,
        http_server(says(302, "", {"Location": other.url()})) as server,
    ):
        reply = send(poster, server.url())
        assert (reply.status, reply.is_taken) == (302, False)
        assert send(poster, server.url("/x?y")).status == 302
        assert [one.target for one in server.requests] == ["/", "/x?y"]
        assert other.requests == []
        assert send(poster, other.url()).is_taken


def test_after_five_failures_a_host_is_left_alone(poster):
    with http_server(goes_away) as server:
        for _ in range(7):
            with pytest.raises(Unreachable):
                send(poster, server.url())
        assert len(server.requests) == 5


def test_a_certificate_that_nobody_vouches_for_is_refused(poster, tmp_path, monkeypatch):
    made = self_made(tmp_path)
    with http_server(says(200, "ok"), context=made.server_context()) as server:
        url = server.url().replace("http:", "https:").replace("127.0.0.1", "localhost")
        with pytest.raises(Unreachable) as failed:
            send(poster, url)
        assert "certificate" in failed.value.details["reason"]
        monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
        poster.close()
        trusting = post.Poster()
        assert send(trusting, url).body == b"ok"
        trusting.close()
        assert len(server.requests) == 1
