"""The tone survives Opus and tells participants apart."""

import random
from array import array

import av
import pytest

from rehearsal import tone
from rehearsal.watching import Listener


def _through_opus(participant: int, loops: int, bit_rate: int = 32_000) -> "array[int]":
    decoder, ear, samples = av.CodecContext.create("libopus", "r"), tone.Ear(), array("h")
    for packet in tone.encode(participant, bit_rate) * loops:
        for frame in decoder.decode(av.Packet(packet)):
            samples += ear.samples(frame)
    return samples


@pytest.mark.parametrize("participant", [1, 2, 6, 12])
def test_a_tone_is_found_after_opus(participant: int) -> None:
    """Three seconds of Opus hold the participant's tone, pauses, and nobody else's tone."""
    sounds = tone.windows(_through_opus(participant, 3))
    assert {sound.participant for sound in sounds} == {participant, None}
    assert sum(sound.participant == participant for sound in sounds) >= 18
    assert any(sound.silent for sound in sounds)


def test_a_low_bitrate_keeps_the_tone() -> None:
    """At 12 kb/s the tone is still there."""
    assert sum(sound.participant == 4 for sound in tone.windows(_through_opus(4, 2, 12_000))) >= 10


def test_a_loop_is_one_second_of_packets() -> None:
    """Fifty packets of 20 ms, or twenty-five of 40 ms, make the circle."""
    assert len(tone.encode(1)) == 50
    assert len(tone.encode(1, packet_ms=40)) == 25
    assert all(tone.encode(1))


@pytest.mark.parametrize("packet_ms", [20, 40])
def test_a_listener_hears_the_tone_and_its_pauses(packet_ms: int) -> None:
    """Looking at a part of the packets is enough; nobody else is heard."""
    listener, packets = Listener(), tone.encode(5, packet_ms=packet_ms)
    for number in range(10 * len(packets)):
        listener.frame(packets[number % len(packets)], number * packet_ms * 48)
    heard = listener.heard
    assert 17 <= heard.windows <= 19
    assert set(heard.tones) == {5}
    assert heard.tones[5] >= 9
    assert heard.silent >= 2


def test_silence_noise_and_strange_tones_are_nobodys() -> None:
    """Silence is silent; noise and a tone between two participants belong to nobody."""
    rng = random.Random(2)
    noise = [rng.randint(-8000, 8000) for _ in range(800)]
    between = tone.pcm(1, tone.LOOK_RATE)[:800]
    detuned = [between[n * 9 // 10] for n in range(800)]
    assert tone.find([0] * 800) == tone.Sound(participant=None, silent=True)
    assert tone.find([]) == tone.Sound(participant=None, silent=True)
    assert tone.find(noise) == tone.Sound(participant=None, silent=False)
    assert tone.find(detuned).participant is None


def test_participants_without_a_frequency_are_refused() -> None:
    """There is no frequency for participant 0 or 13."""
    for participant in (0, tone.PARTICIPANTS + 1):
        with pytest.raises(ValueError):
            tone.frequency(participant)
