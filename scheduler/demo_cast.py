"""Who plays in the demo's day, and when: plain data for ``scheduler/demo_day.py``. All names are invented."""

from scheduler.models import RoomUse

CENTRE = "城东看守所"
MORE_ROOMS = (("会见室 4", RoomUse.VISIT), ("会见室 5", RoomUse.VISIT), ("讯问室 3", RoomUse.INTERROGATION))
LAWYERS = ("梁书航", "苏慕言", "程以安", "唐若水")
"""Colleagues of the two lawyers with accounts; firms as theirs."""
OFFICERS = (("郭振宇", "031733"), ("贺长林", "031748"), ("石磊", "031755"), ("方宁", "031762"), ("龚成", "031780"))
"""The last, like the account ``officer3``, is free all day: to begin something unplanned."""
PERSONS: tuple[tuple[str, int], ...] = (
    # name, number of the lawyer: 0 and 1 have accounts
    ("何志平", 2), ("张伟民", 0), ("马文涛", 3), ("李秋生", 0), ("许国良", 4), ("王立刚", 1), ("韩立民", 5),
    ("冯小军", 3), ("邓长河", 4), ("曹建设", 2), ("彭海生", 5), ("曾庆元", 1), ("萧正宇", 3), ("田永福", 2),
)  # fmt: skip
TRANSFERRED = "潘树青"
CASES = ("何志平等人涉嫌非法经营案", "许国良等人涉嫌诈骗案", "邓长河等人涉嫌盗窃案", "萧正宇等人涉嫌合同诈骗案")
VISITS = (
    # room, start, minutes, person
    ("会见室 1", "08:30", 60, 0), ("会见室 1", "10:00", 60, 1), ("会见室 1", "13:30", 60, 2),
    ("会见室 1", "15:30", 60, 3), ("会见室 2", "09:00", 60, 4), ("会见室 2", "11:00", 45, 5),
    ("会见室 2", "14:00", 60, 6), ("会见室 3", "09:00", 45, 7), ("会见室 3", "13:00", 60, 8),
    ("会见室 3", "16:00", 45, 9), ("会见室 4", "10:30", 60, 10), ("会见室 4", "14:30", 60, 11),
    ("会见室 5", "12:30", 45, 12),
)  # fmt: skip
QUESTIONINGS = (
    # room, start, minutes, person, pair of officers
    ("讯问室 1", "08:30", 90, 13, 0), ("讯问室 1", "11:00", 90, 3, 0), ("讯问室 1", "15:00", 90, 7, 0),
    ("讯问室 2", "09:30", 120, 6, 1), ("讯问室 2", "14:00", 120, 4, 1), ("讯问室 3", "10:00", 60, 9, 2),
    ("讯问室 3", "13:00", 90, 10, 2),
)  # fmt: skip
MISSED = {("会见室 2", "11:00"): "lawyer", ("讯问室 1", "08:30"): "ill"}
"""What did not take place, once it is past."""
REQUESTS = (
    # days ahead, room, start, person, hours since it was asked for
    (1, "会见室 4", "15:30", 4, 41), (1, "会见室 5", "15:30", 6, 20), (1, "会见室 4", "17:00", 0, 3),
    (2, "会见室 5", "15:30", 1, 5),
)  # fmt: skip
COMING = (("会见室 1", "09:00", 0), ("会见室 2", "10:30", 1), ("会见室 3", "14:00", 2))
WITNESSES = ("孙丽", "邹明", "戴晓琳")
PAST_DAYS = 28
STEPS_FOR = 3
"""Past days of which the register holds every step."""
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
PDF += b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
