import io
import json
import logging

import pytest
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from s4_runtime import Secret, configure, context, get_logger
from s4_runtime.redaction import redact

FORMS = [
    "pb://abcdefghijklmnopqrstuvwxyz234567@grid.example:34561,127.0.0.1:34561/swissnumswissnum",
    "URI:CHK:aaaa:bbbb:1:1:100",
    "URI:DIR2:aaaa:bbbb",
    "sk_test_51abcdefgh",
    "rk_live_51abcdefgh",
    "whsec_abcdefgh12345678",
    "cs_test_a1b2_secret_c3d4",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
    "Bearer abcdefgh12345678",
    "/p/session/test_YWNjdF8xSk",
    "/invoice/acct_1/test_YWNjdF8xSk/pdf?s=ap",
    "/i/acct_1/test_YWNjdF8xSk?s=ap",
    "/c/pay/cs_test_a1b2#fidkdWxO",
    "123456789-bidofu-gamune",
    "?X-Amz-Signature=0f3c5b7a9d",
    "&X-Amz-Security-Token=IQoJb3JpZ2luX2Vj%2F",
    "reader@example.org",
    "4242 4242 4242 4242",
    "4242424242424242",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_taken_out_by_its_form_at_any_depth(form: str) -> None:
    shown = json.dumps(redact({"note": f"before {form} after", "deep": [{"x": (form,)}], "error": ValueError(form)}))
    assert form not in shown
    assert form.split("\n", maxsplit=1)[0] not in shown
    assert "before" in shown
    assert "after" in shown


def test_an_address_at_stripe_keeps_its_host_and_a_link_its_page() -> None:
    assert redact("https://billing.example/p/session/test_a1") == "https://billing.example[redacted]"
    assert redact("https://s4.example/sign-in/link?token=abc.def") == "https://s4.example/sign-in/link?token=[redacted]"


def test_a_password_in_a_url_is_taken_out_and_the_rest_stays() -> None:
    assert redact("postgresql://web:hunter2@127.0.0.1:5432/web") == "postgresql://[redacted]@127.0.0.1:5432/web"


@pytest.mark.parametrize("name", ["furl", "smtp_password", "Authorization", "claim_token", "seal_key", "set-cookie"])
def test_a_field_that_is_named_like_a_secret_is_taken_out(name: str) -> None:
    assert redact({name: "harmless"}) == {name: "[redacted]"}


def test_ordinary_values_stay_as_they_are() -> None:
    fields = {"grid": "0199a0b2-7c1e-7000-8000-000000000001", "seconds": 1.5, "ok": True, "port": 34561, "none": None}
    assert redact(fields) == fields


def test_a_log_line_is_one_json_object_with_the_story_and_without_the_secrets() -> None:
    out = io.StringIO()
    configure("web", "info", out)
    with context.bound(context.Cause("story-1", "cause-1", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")):
        get_logger().info("host.launched", host="h1", key=Secret("hush"), note=FORMS[0])
        logging.getLogger("some.library").warning("talked to %s", FORMS[3])
    get_logger().debug("not.shown")
    try:
        raise ValueError(FORMS[8])
    except ValueError:
        get_logger().exception("host.failed")
    ours, library, failure = map(json.loads, out.getvalue().splitlines())
    assert (ours["event"], ours["host"], ours["service"]) == ("host.launched", "h1", "web")
    assert (ours["correlation_id"], ours["causation_id"]) == ("story-1", "cause-1")
    assert library["event"] == "talked to [redacted]"
    assert "ValueError" in failure["exception"]
    assert not any(form in out.getvalue() for form in [*FORMS, "hush"])


def test_foreign_ids_are_taken_over_only_when_they_have_the_right_form() -> None:
    good = {"X-Correlation-Id": "abc-123", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    assert context.from_headers(good, "m1") == context.Cause("abc-123", "m1", good["traceparent"])
    evil = context.from_headers({"X-Correlation-Id": 'x"\n{', "traceparent": "nonsense"})
    assert len(evil.correlation_id) == 36
    assert evil.traceparent.startswith("00-")


@pytest.mark.parametrize("error", [BadHttpMessage("b'Cookie: in=hush'"), LineTooLong(b"GET /?token=hush", 8190)])
def test_a_request_that_cannot_be_read_is_one_line_without_a_word_of_it(error: Exception) -> None:
    out = io.StringIO()
    configure("web", "info", out)
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "203.0.113.5", exc_info=error)
    (line,) = out.getvalue().splitlines()
    shown = json.loads(line)
    assert (shown["event"], shown["level"]) == ("http.malformed", "warning")
    assert "hush" not in line
    assert "203.0.113.5" not in line
