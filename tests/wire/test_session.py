"""A session through the real relay: what one publishes, the others see."""

from media import commands
from tests.wire.peers import Client, Desk, luma, relay


async def test_a_viewer_sees_and_hears_the_publisher() -> None:
    """A subscriber gets the picture and the sound that another endpoint publishes."""
    async with relay() as service:
        desk = Desk(service)
        desk.send(commands.OpenSession(session="s"))
        publisher = await Client().publish(desk, "s", "officer", luma=200)
        viewer = await Client().subscribe(desk, "s", "guest", "officer")
        desk.send(commands.Forward(session="s", on=True))
        await desk.wait(commands.Published, endpoint="officer", kinds=("audio", "video"))
        frame = await viewer.next_frame("video")
        await viewer.next_frame("audio")
        assert abs(luma(frame) - 200) < 12
        print(service.metrics())
        await publisher.close()
        await viewer.close()
