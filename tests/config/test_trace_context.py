"""The trace that what happens belongs to: what is believed of what others say, and what is handed on."""

import re
import threading

import pytest

from payerwatch.config.trace_context import continued, read_traceparent, trace_id, traceparent

pytestmark = pytest.mark.pure

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "text",
    [
        f"00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-00",
        f"00-{TRACE}-{SPAN}-ff",
        f"01-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-what-comes-later",
    ],
)
def test_one_that_is_well_formed_is_believed(text: str):
    found = read_traceparent(text)
    assert found is not None
    assert (found.trace_id, found.span_id, found.sampled) == (TRACE, SPAN, text[53:55] != "00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}1-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01.",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00_{TRACE}_{SPAN}_01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01\r\nX: y",
        f"٠٠-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01" * 300,
    ],
)
def test_one_that_is_not_begins_a_trace_of_its_own(text: str):
    assert read_traceparent(text) is None
    with continued(text):
        assert re.fullmatch(r"[0-9a-f]{32}", trace_id())
        assert trace_id() != TRACE


def test_what_is_handed_on_is_of_the_same_trace_and_from_this_piece_of_work():
    with continued(f"00-{TRACE}-{SPAN}-01"):
        version, trace, span, flags = traceparent().split("-")
        assert (version, trace, flags) == ("00", TRACE, "01")
        assert span != SPAN
    with continued(f"00-{TRACE}-{SPAN}-00"):
        assert traceparent().endswith("-00")


def test_what_later_versions_say_is_not_handed_on():
    with continued(f"cc-{TRACE}-{SPAN}-03-more"):
        assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", traceparent())


def test_outside_of_any_there_is_none():
    assert (trace_id(), traceparent()) == ("", "")
    with continued():
        outer = trace_id()
        with continued():
            assert trace_id() != outer
        assert trace_id() == outer
        seen: list[str] = []
        other = threading.Thread(target=lambda: seen.append(trace_id()))
        other.start()
        other.join()
        assert seen == [""]
    assert trace_id() == ""
