"""The whole server with the real tesseract, over HTTP."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from PIL import Image

from . import pages
from .server import PATIENCE_SECONDS, ROOT, Server, body, command, is_running, until

CORPUS = ROOT.parent / "shared" / "pdfs"
BLOCK = re.compile(r"<\|ref\|>text<\|/ref\|><\|det\|>\[\[(\d+), (\d+), (\d+), (\d+)]]<\|/det\|>\n([^<]*)")


@pytest.fixture(scope="module")
def server():
    with Server("--slots", "1") as running:
        yield running


@pytest.fixture(scope="module")
def report() -> bytes:
    return pages.as_jpeg(pages.report())


@pytest.fixture(scope="module")
def dense() -> bytes:
    return pages.as_jpeg(pages.dense(), dpi=300)


def blocks(content: str, size: tuple[int, int]) -> list[tuple[tuple[int, ...], str]]:
    """(box in px, text) as a reader of DeepSeek-OCR's format finds them."""
    found = []
    for match in BLOCK.finditer(content):
        edges = [int(value) for value in match.groups()[:4]]
        px = tuple(int(edge / 999 * side) for edge, side in zip(edges, size * 2, strict=True))
        found.append((px, match[5].strip()))
    return found


def inside(box: tuple[int, ...], outer: tuple[int, ...]) -> bool:
    return box[0] >= outer[0] and box[1] >= outer[1] and box[2] <= outer[2] and box[3] <= outer[3]


def test_it_looks_like_vllm(server: Server):
    health = server.get("/health")
    assert (health.status_code, health.content) == (200, b"")
    card = server.get("/v1/models").json()["data"][0]
    assert (card["id"], card["max_model_len"]) == ("tesseract", 32_768)
    assert "eng" in card["languages"]
    assert "osd" not in card["languages"]
    assert "tesseract" in server.get("/version").json()["version"]
    assert server.metric("num_requests_running") == 0
    assert server.get("/v1/nope").json() == {"detail": "Not Found"}
    assert server.get("/v1/chat/completions").status_code == 405


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_is_read_whatever_way_it_was_scanned_with_boxes_on_the_image_sent(server: Server, degrees: int):
    image = pages.report().rotate(degrees, expand=True)
    found = blocks(server.read(pages.as_jpeg(image)), image.size)
    headings = [box for box, text in found if text == pages.HEADING]
    assert len(headings) == 1
    assert inside(headings[0], pages.turned(pages.HEADING_BOX_PX, degrees))
    paragraphs = [text for _, text in found if text.startswith("Seven wizards examine a curious manuscript")]
    assert len(paragraphs) == 2
    assert "\n" not in paragraphs[0]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
def test_a_sideways_page_of_the_corpus_is_read(server: Server, tmp_path: Path):
    drawn = tmp_path / "page"
    subprocess.run(
        ["pdftoppm", "-r", "200", "-jpeg", "-cropbox", "-singlefile", CORPUS / "edgar-rotated90.pdf", drawn],
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    content = server.read(drawn.with_suffix(".jpg").read_bytes())
    with Image.open(drawn.with_suffix(".jpg")) as image:
        found = blocks(content, image.size)
    sentence = "He became king of all England on his brother's death."
    (box,) = [box for box, text in found if sentence in text]
    assert box[3] - box[1] > 2 * (box[2] - box[0])


def test_without_grounding_the_answer_is_plain_text(server: Server, report: bytes):
    content = server.read(report, prompt="Free OCR.")
    assert content.startswith(f"{pages.HEADING}\n\nSeven wizards")
    assert "<|" not in content


def test_a_blank_page_is_empty_and_stops(server: Server):
    blank = pages.as_jpeg(Image.new("L", pages.SIZE_PX, "white"))
    answer = server.post(body(blank)).json()
    assert answer["choices"][0]["message"]["content"] == ""
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == 0


def test_more_words_than_asked_for_are_cut(server: Server, report: bytes):
    answer = server.post(body(report, prompt="Free OCR.", max_tokens=4)).json()
    assert answer["choices"][0]["message"]["content"] == f"{pages.HEADING}\n\nSeven"
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 4


def test_a_stream_says_the_same_as_an_answer(server: Server, report: bytes):
    response = server.post(body(report, stream=True, stream_options={"include_usage": True}))
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    lines = [line for line in response.content.decode().split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    *chunks, last = (json.loads(line.removeprefix("data: ")) for line in lines[:-1])
    content = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert content == server.read(report)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert last["usage"]["completion_tokens"] > 100


def test_a_missing_language_is_named_with_how_to_install_it(server: Server, report: bytes):
    response = server.post(body(report, language="eng+tlh"))
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["type"]) == (400, "language", "BadRequestError")
    assert '"tlh"' in error["message"]
    assert '"eng"' not in error["message"]
    assert "install" in error["message"]


@pytest.mark.parametrize(
    ("payload", "status", "words"),
    [
        (b'{"mess', 400, "JSON decode error"),
        (b"{}", 400, "Field required"),
        (body(b"no image"), 400, "cannot identify image file"),
        (body(b"", model="nope"), 404, "does not exist"),
        (b" " * (64 * 1024 * 1024 + 1), 413, "too large"),
    ],
    ids=["bad JSON", "no messages", "no image", "wrong model", "too large"],
)
def test_what_cannot_be_read_is_refused_in_vllms_shape(server: Server, payload, status: int, words: str):
    response = server.post(payload)
    assert response.status_code == status
    assert response.json()["error"]["code"] == status
    assert words in response.json()["error"]["message"]


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_nothing_is_fetched(server: Server, scheme: str, tmp_path: Path):
    """The listener would be connected to, the file would be read: neither is, and both are refused alike."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.png" if scheme == "http" else (tmp_path / "x").as_uri()
        payload = body(b"")
        payload["messages"][0]["content"][0]["image_url"]["url"] = url
        response = server.post(payload)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert response.status_code == 400
    assert "fetches nothing" in response.json()["error"]["message"]


def test_more_requests_than_slots_wait_and_are_all_answered(server: Server, dense: bytes, report: bytes):
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(server.read, dense)
        until(server.children)
        others = [threads.submit(server.read, report) for _ in range(3)]
        until(lambda: server.metric("num_requests_waiting") == 3)
        assert server.metric("num_requests_running") == 1
        assert len(server.children()) <= 1
        assert server.get("/health").ok
        assert "curious manuscript" in first.result()
        assert all(pages.HEADING in other.result() for other in others)
    assert server.metric("num_requests_waiting") == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_ends_its_process_and_frees_its_slot(
    server: Server, dense: bytes, report: bytes, stream: bool
):
    words, aborted = server.metric("generation_tokens_total"), server.metric("request_success_total", "abort")
    data = json.dumps(body(dense, stream=stream)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head + data)
        (child,) = until(server.children)
    until(lambda: not is_running(child))
    until(lambda: server.metric("num_requests_running") == 0)
    assert server.metric("request_success_total", "abort") == aborted + 1
    assert server.metric("generation_tokens_total") == words
    assert pages.HEADING in server.read(report)


def test_a_client_that_goes_away_while_it_waits_leaves_the_queue(server: Server, dense: bytes, report: bytes):
    data = json.dumps(body(report)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(server.read, dense)
        until(server.children)
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(head + data)
            until(lambda: server.metric("num_requests_waiting") == 1)
        until(lambda: server.metric("num_requests_waiting") == 0)
        assert server.metric("num_requests_running") == 1
        assert "curious manuscript" in first.result()


def test_a_page_past_its_deadline_fails_with_a_sentence_and_leaves_no_process(dense: bytes):
    with Server("--slots", "1", "--deadline", "0.3") as hurried:
        response = hurried.post(body(dense))
        error = response.json()["error"]
        assert (response.status_code, error["type"]) == (500, "InternalServerError")
        assert error["message"] == "tesseract did not finish this page within 0.3 seconds."
        assert hurried.children() == []


def test_a_taken_port_gives_one_clear_line(server: Server):
    done = subprocess.run(
        command("--port", str(server.port)), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"The CPU backend cannot listen at 127.0.0.1:{server.port}: Address already in use.\n"


def test_sigterm_ends_it_with_everything_in_flight(dense: bytes):
    with Server("--slots", "1") as stopping:
        answers = []

        def ask() -> None:
            try:
                answers.append(stopping.post(body(dense)).status_code)
            except requests.ConnectionError:
                answers.append(0)

        clients = [threading.Thread(target=ask) for _ in range(2)]
        for client in clients:
            client.start()
        (child,) = until(stopping.children)
        until(lambda: stopping.metric("num_requests_waiting") == 1)
        assert stopping.stop() == 0
        assert not is_running(child)
        for client in clients:
            client.join(PATIENCE_SECONDS)
    assert len(answers) == 2
    assert set(answers) <= {500, 0}


def test_it_starts_without_django():
    program = "import jobs.cpu_backend.serving, sys; sys.exit('django' in sys.modules)"
    done = subprocess.run([*command()[:1], "-c", program], cwd=ROOT, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0
