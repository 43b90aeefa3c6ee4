"""The log of a session in words: cameras of rooms."""

from core.texts import Texts
from web.happenings import grave, read

AT = "2026-03-02T04:00:00.000000Z"


def entry(number: int, **public: object) -> dict[str, object]:
    return {"number": number, "at": AT, "ms": number, "public": public, "private": {"label": "讯问室一"}}


def test_a_camera_that_goes_comes_back_or_is_refused_is_told() -> None:
    """Whose it is and what it shows; a loss and an attempt are worth a look, a return is not."""
    lines = read(
        [
            entry(1, event="joined", endpoint="e", role="room", standing="admitted"),
            entry(2, event="camera-away", endpoint="e", view="wide"),
            entry(3, event="camera-back", endpoint="e", view="wide"),
            entry(4, event="camera-refused", camera="k", room="r", view="close"),
        ]
    )
    chinese = Texts("zh-CN")
    said = [f"{chinese(line.text, who=line.values['who'])}：{chinese(line.detail)}" for line in lines[1:]]
    assert said == [
        "讯问室一的一路摄像机画面中断：全景",
        "讯问室一的一路摄像机画面恢复：全景",
        "房间摄像机请求接入，已被拒绝：近景",
    ]
    assert grave(lines) == 2
