"""Pages from templates: one environment, one function, words and times in the visitor's language and zone."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date, format_datetime, format_time
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from core.texts import Texts
from core.texts import msgid as m
from recordings import printed
from scheduler.wording import local_values
from web import words
from web.context import context, principal_of
from web.language import locale_of
from web.navigation import navigation
from web.statics import Statics

TEMPLATES = Path(__file__).parent / "templates"
ENVIRONMENT: web.AppKey[Environment] = web.AppKey("environment", Environment)
STATICS: web.AppKey[Statics] = web.AppKey("statics", Statics)


@cache
def environment(statics: Statics) -> Environment:
    """The template environment of the application; a missing value is an error, not an empty place."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = statics.address
    made.globals["icon"] = lambda name, extra="": _icon(statics, name, extra)
    made.globals["navigation"] = navigation
    made.globals["word"] = words.word
    made.globals["words"] = words
    made.globals["role_name"] = lambda role: words.word(words.ROLES, role)
    made.filters["minutes"] = lambda delta: int(delta.total_seconds() // 60)
    made.filters["iso"] = lambda value: value.isoformat(timespec="seconds")
    made.filters["json_script"] = _json_script
    return made


def shown(request: web.Request, zone: ZoneInfo | None = None) -> "Shown":
    """How this visitor reads instants; ``zone`` is that of the facility the page is about."""
    found = context(request)
    return Shown(locale_of(request), zone or found.settings.zone, found.clock.now())


def page(
    request: web.Request, template: str, *, status: int = 200, zone: ZoneInfo | None = None, **values: Any
) -> web.Response:
    """Render ``template`` for this visitor."""
    locale = locale_of(request)
    app = request.config_dict
    settings = context(request).settings
    show = shown(request, zone)
    text = (
        app[ENVIRONMENT]
        .get_template(template)
        .render(
            _=Words(locale),
            locale=locale,
            principal=principal_of(request),
            nonce=request.get("nonce", ""),
            site_name=settings.site_name,
            demo=settings.demo,
            base_url=settings.base_url,
            path=request.path,
            here=request.path_qs if request.method == "GET" else "/",
            request_id=request.get("request_id", ""),
            show=show,
            now=show.now,
            **values,
        )
    )
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


class Words(Texts):
    """The sentences of one language in a template, where a value may be marked-up text such as a time."""

    def __call__(self, text: str, **values: object) -> str:
        if not any(isinstance(value, Markup) for value in values.values()):
            return super().__call__(text, **values)
        return escape(self.gettext(text)).format(**values)


class Shown:
    """Instants as this visitor reads them: in the zone of the place, in the visitor's language."""

    def __init__(self, locale: str, zone: ZoneInfo, now: datetime) -> None:
        self.locale = locale
        self._locale = locale.replace("-", "_")
        self._zone = zone
        self._texts = Texts(locale)
        self.now = now

    def local(self, at: datetime) -> datetime:
        """``at`` on the wall clock of the place."""
        return at.astimezone(self._zone)

    def calendar_day(self, at: datetime) -> date:
        return self.local(at).date()

    def clock(self, at: datetime) -> Markup:
        """Hours and minutes: ``14:00``."""
        return self._time(at, format_time(self.local(at), "HH:mm", locale=self._locale))

    def seconds(self, at: datetime) -> Markup:
        """Hours, minutes and seconds: ``14:00:05``."""
        return self._time(at, format_time(self.local(at), "HH:mm:ss", locale=self._locale))

    def window(self, start: datetime, end: datetime) -> Markup:
        """``14:00–15:00``."""
        return Markup("{}–{}").format(self.clock(start), self.clock(end))

    def day(self, at: datetime | date) -> str:
        """``Today``, ``Tomorrow``, else the date with its weekday."""
        wanted = self.calendar_day(at) if isinstance(at, datetime) else at
        ahead = (wanted - self.calendar_day(self.now)).days
        near = {-1: m("Yesterday"), 0: m("Today"), 1: m("Tomorrow")}.get(ahead)
        return self._texts(near) if near else self.full_day(wanted)

    def full_day(self, at: datetime | date) -> str:
        """``11月21日 周六`` or ``Sat, 21 Nov``; with the year when it is another."""
        wanted = self.calendar_day(at) if isinstance(at, datetime) else at
        same_year = wanted.year == self.calendar_day(self.now).year
        if self._locale == "zh_CN":
            pattern = "M月d日 EEE" if same_year else "y年M月d日 EEE"
        else:
            pattern = "EEE, d MMM" if same_year else "EEE, d MMM y"
        return format_date(wanted, pattern, locale=self._locale)

    def moment(self, at: datetime) -> Markup:
        """Day and time: ``Today 14:00``."""
        return Markup("{} {}").format(self.day(at), self.clock(at))

    def within(self, at: datetime) -> Markup:
        """Day and time inside a sentence: ``today 14:00``."""
        near = {-1: m("yesterday {time}"), 0: m("today {time}"), 1: m("tomorrow {time}")}
        text = near.get((self.calendar_day(at) - self.calendar_day(self.now)).days)
        return escape(self._texts.gettext(text)).format(time=self.clock(at)) if text else self.moment(at)

    def instant(self, at: datetime) -> Markup:
        """Date and time to the second, for logs."""
        return self._time(at, format_datetime(self.local(at), "yyyy-MM-dd HH:mm:ss", locale=self._locale))

    def on_paper(self, at: datetime) -> Markup:
        """Date and time to the second by the clocks of the place, and UTC: as on what leaves the house."""
        return self._time(at, printed.local_and_utc(at, self._zone))

    def span_on_paper(self, start: datetime, end: datetime) -> str:
        """The same of a span."""
        return printed.span(start, end, self._zone)

    def words(self, values: Mapping[str, object]) -> dict[str, object]:
        """The values of a sentence, with instants as this visitor reads them."""
        return local_values(values, self.locale, now=self.now, zone=self._zone.key)

    def ahead(self, at: datetime) -> str:
        """How long until ``at``, in words: ``in 5 minutes``, ``in 3 hours``; "now" when it is past."""
        left = at - self.now
        if left <= timedelta(0):
            return self._texts(m("now"))
        minutes = -(-int(left.total_seconds()) // 60)
        if minutes < 60:
            return self._texts.ngettext("in {count} minute", "in {count} minutes", minutes).format(count=minutes)
        hours = round(minutes / 60)
        if hours < 24:
            return self._texts.ngettext("in {count} hour", "in {count} hours", hours).format(count=hours)
        days = (self.calendar_day(at) - self.calendar_day(self.now)).days
        return self._texts.ngettext("in {count} day", "in {count} days", days).format(count=days)

    def length(self, delta: timedelta) -> str:
        """A duration in words: ``45 minutes``, ``2 h 05 min``."""
        minutes, seconds = divmod(int(delta.total_seconds()), 60)
        if minutes == 0:
            return self._texts.ngettext("{count} second", "{count} seconds", seconds).format(count=seconds)
        if minutes < 120:
            return self._texts.ngettext("{count} minute", "{count} minutes", minutes).format(count=minutes)
        return self._texts(m("{hours} h {minutes} min"), hours=minutes // 60, minutes=f"{minutes % 60:02}")

    def length_ms(self, milliseconds: int) -> str:
        """A media time as ``1:02:03``."""
        minutes, seconds = divmod(milliseconds // 1000, 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"

    def _time(self, at: datetime, text: str) -> Markup:
        return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), text)


def _icon(statics: Statics, name: str, extra: str = "") -> Markup:
    """An icon of the sprite. It is silent for screen readers: a label always stands beside it."""
    address = statics.address("vendor/icons.svg")
    return Markup('<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>').format(
        extra, address, name
    )


def _json_script(value: Mapping[str, Any]) -> Markup:
    """``value`` as JSON that is safe inside ``<script type="application/json">``."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704
