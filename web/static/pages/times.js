// Times in the guest's own zone. Without scripts they stand as the clock of the place shows them.

const page = document.getElementById("times");
const locale = page.dataset.locale;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const day = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", weekday: "short" });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hour12: false });

for (const place of page.querySelectorAll("[data-start]")) {
  const start = new Date(place.dataset.start);
  const end = new Date(place.dataset.end);
  place.textContent = `${day.format(start)} ${clock.format(start)}–${clock.format(end)}`;
}
const told = document.getElementById("zone");
if (zone) told.textContent = told.dataset.own.replace("{zone}", zone);
