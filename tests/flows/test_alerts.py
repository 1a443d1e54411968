"""Surges reach people: a real notification block, sent to a real receiver."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fsl.drift.surges.surges import Surge
from tasks.alerts import as_line, send

SURGE = Surge("Acme", "negative", 0.05, 0.8, 80, 20, 1e-11, 1e-4, ("the app is down again 😡", "退款！"))


def test_a_block_sends_the_surge_with_its_texts_to_a_receiver(prefect_server: None) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    received: list[dict[str, str]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.handle_request, daemon=True).start()
    CustomWebhookNotificationBlock(
        name="desk",
        url=f"http://127.0.0.1:{server.server_port}/",
        method="POST",
        json_data={"title": "{{subject}}", "text": "{{body}}"},
    ).save("desk", overwrite=True)

    send("custom-webhook/desk", "shop", (SURGE,))
    server.server_close()

    assert received[0]["title"] == "shop: 1 surges"
    assert received[0]["text"].startswith("negative for Acme rose from 5% of 80 rows to 80% of the latest 20")
    assert "- 退款！" in received[0]["text"]


def test_a_block_that_is_not_there_is_named_and_stops_nothing(
    prefect_server: None, caplog: pytest.LogCaptureFixture
) -> None:
    send("custom-webhook/nobody", "shop", (SURGE,))

    assert "the notification block custom-webhook/nobody could not send" in caplog.text


def test_a_surge_is_one_json_line() -> None:
    written = as_line("shop", SURGE)

    assert "\n" not in written
    assert json.loads(written)["texts"] == ["the app is down again 😡", "退款！"]
