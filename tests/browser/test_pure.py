"""The pure parts of the browser code, called as they are in a page."""

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.stand import Stand

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def call(page: Page, stand: Stand, module: str, expression: str) -> Any:
    """Evaluate ``expression`` with the exports of ``module`` as ``m``."""
    if not page.url.startswith(stand.url):
        await page.goto(f"{stand.url}/blank")
    return await page.evaluate(f"import('/static/js/{module}').then((m) => {expression})")


async def test_pure_modules(page: Page, stand: Stand) -> None:
    """Layout, waiting times, session descriptions, addresses, loudness and line verdicts are as promised."""
    await _layout(page, stand)
    await _waiting(page, stand)
    await _descriptions(page, stand)
    await _lines(page, stand)
    await _pulse(page, stand)
    await _scenes(page, stand)


async def _layout(page: Page, stand: Stand) -> None:
    grids = await call(page, stand, "layout.js", "[0,1,2,3,4,6,9].map((n) => m.bestGrid(n, 1600, 900))")
    assert [(one["columns"], one["rows"]) for one in grids] == [(1, 1), (1, 1), (2, 1), (2, 2), (2, 2), (3, 2), (3, 3)]
    tall = await call(page, stand, "layout.js", "m.bestGrid(2, 390, 700)")
    assert (tall["columns"], tall["rows"]) == (1, 2)
    layers = "[[279], [280], [359, 'small'], [360, 'small']].map((one) => m.layerFor(...one))"
    assert await call(page, stand, "layout.js", layers) == ["small", "large", "small", "large"]
    rids = "[['camera', false], ['camera', true], ['screen', true]].map((one) => m.encodings(...one).map((e) => e.rid))"
    assert await call(page, stand, "publisher.js", rids) == [[None], ["h", "l"], [None]]
    modes = "['camera', 'screen'].map((one) => m.encodings(one, true).map((e) => e.scalabilityMode))"
    assert await call(page, stand, "publisher.js", modes) == [["L1T2", "L1T2"], [None]]


async def _waiting(page: Page, stand: Stand) -> None:
    waits = await call(page, stand, "backoff.js", "[0,1,2,9,99].map((n) => m.delayBefore(n, {random: () => 1}))")
    assert waits == [400, 800, 1600, 5000, 5000]
    assert await call(page, stand, "backoff.js", "m.delayBefore(9, {random: () => 0})") == 2500
    assert await call(page, stand, "texts.js", "[-5, 59, 61, 3661].map(m.span)") == ["0:00", "0:59", "1:01", "1:01:01"]


async def _pulse(page: Page, stand: Stand) -> None:
    """Deaf after three seconds without a sign of life and two checks unanswered; never where statistics do not say."""
    pair = (
        "{type: 'candidate-pair', id: 'a', nominated: true, bytesReceived: 9, requestsSent: %d, responsesReceived: %d}"
    )
    looks = [
        (0, 5, 5),
        (1000, 5, 5),
        (2900, 9, 5),
        (3000, 6, 5),
        (3100, 7, 5),
        (3200, 7, 6),
        (6300, 8, 6),
        (6400, 9, 6),
    ]
    steps = ", ".join(f"[{at}, [{pair % (asked, answered)}]]" for at, asked, answered in looks)
    listened = f"(pulse => [{steps}].map(([at, stats]) => pulse.deaf(m.life(stats), at)))(new m.Pulse())"
    told = [False, False, False, False, True, False, False, True]
    assert await call(page, stand, "pulse.js", listened) == told
    silent = (
        "[0, 9000].map(function (at) { return this.deaf(m.life([{type: 'candidate-pair', nominated: true}]), at) }, "
    )
    assert await call(page, stand, "pulse.js", silent + "new m.Pulse())") == [False, False]
    chosen = pair.replace("'a'", "'b'") % (1, 1)
    other = f"m.life([{{type: 'transport', selectedCandidatePairId: 'b'}}, {pair % (3, 3)}, {chosen}]).asked"
    assert await call(page, stand, "pulse.js", other) == 1


async def _descriptions(page: Page, stand: Stand) -> None:
    sdp = "v=0\\r\\na=rtpmap:111 opus/48000/2\\r\\na=fmtp:111 minptime=10;usedtx=1\\r\\n"
    prepared = await call(page, stand, "sdp.js", f"m.prepareOpus('{sdp}')")
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in prepared
    assert "a=rtcp-fb:111 nack" in prepared
    assert "usedtx" not in prepared
    assert await call(page, stand, "sdp.js", "m.prepareOpus('v=0\\r\\n')") == "v=0\r\n"
    again = f"m.prepareOpus(m.prepareOpus('{sdp}')) === m.prepareOpus('{sdp}')"
    assert await call(page, stand, "sdp.js", again) is True
    first = await call(page, stand, "sdp.js", "m.preferVp8([{mimeType: 'video/AV1'}, {mimeType: 'video/VP8'}])[0]")
    assert first == {"mimeType": "video/VP8"}
    address = await call(page, stand, "socket.js", "m.socketAddress('/live/x/socket', 'https://a.example/b')")
    assert address == "wss://a.example/live/x/socket"


async def _lines(page: Page, stand: Stand) -> None:
    stats = """[
      {type: "inbound-rtp", packetsReceived: 95, packetsLost: 5},
      {type: "candidate-pair", nominated: true, state: "succeeded", localCandidateId: "c", currentRoundTripTime: 0.04},
      {id: "c", type: "local-candidate", candidateType: "relay", relayProtocol: "tls"}]"""
    judged = await call(page, stand, "linetest.js", f"m.judge({stats})")
    assert judged == {"ok": True, "loss": 0.05, "delayMs": 40, "way": "turn-tls"}
    nothing = await call(page, stand, "linetest.js", "m.judge([])")
    assert (nothing["ok"], nothing["loss"], nothing["way"]) == (False, 1, "none")
    silence = await call(page, stand, "sound.js", "m.loudness(new Float32Array(512))")
    speech = await call(page, stand, "sound.js", "m.loudness(new Float32Array(512).fill(0.1))")
    assert silence == 0
    assert 0.5 < speech < 1


async def _scenes(page: Page, stand: Stand) -> None:
    view = '{you: "a", state: %r, endpoints: [{id: "a", state: %r}], rights: {}}'
    states = ("waiting", "live", "live", "held", "ended")
    cases = list(zip(states, ("admitted", "admitted", "waiting", "admitted", "away"), strict=True))
    scenes = [await call(page, stand, "state.js", f"m.scene({view % case})") for case in cases]
    assert scenes == ["lobby", "live", "lobby", "held", "ended"]
    room = "[{id: 'a', publications: []}, {id: 'r', publications: ['camera', 'close', 'wide']}]"
    faces = f"(c) => m.staged({{you: 'a', state: 'live', rights: {{subscribe: true}}, endpoints: {room}}}, new Map(c))"
    shown = f"[[], [['r', 'wide']], [['r', 'none']]].map({faces}).map((s) => s.main.map((one) => one.publication))"
    assert await call(page, stand, "state.js", shown) == [["close"], ["wide"], ["close"]]
    recording = '{policy: "clear", recording: "on", since: 1000}'
    assert await call(page, stand, "state.js", f"m.recordStale({recording}, null, 4000)") is False
    assert await call(page, stand, "state.js", f"m.recordStale({recording}, 2000, 6001)") is True
    assert await call(page, stand, "state.js", "m.recordStale({policy: 'attendance'}, null, 9e9)") is False
