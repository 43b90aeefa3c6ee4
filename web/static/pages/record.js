// The player of a record: one clock for all films, views to choose from, and a time in log or list leads to its moment.

import { beside, clamp, clockOf, covers, keyAct, nextSpeed } from "./cinema.js";

const cinema = document.getElementById("cinema");
const DRIFT = 250;

if (cinema) run();
waitForComposed();

function run() {
  const duration = Number(cinema.dataset.duration);
  const numbers = (text) => text.split(" ").filter(Boolean).map(Number);
  const marks = numbers(cinema.dataset.marks);
  const gaps = numbers(cinema.dataset.gaps);
  const films = [...cinema.querySelectorAll("video[data-start]")].map((video) => ({
    video,
    figure: video.closest("figure"),
    start: Number(video.dataset.start),
    length: Number(video.dataset.length),
  }));
  const views = [...cinema.querySelectorAll("input[name=view]")];
  const toggle = document.getElementById("toggle");
  const speed = document.getElementById("speed");
  const seek = document.getElementById("seek");
  const speeds = [...speed.options].map((option) => option.value);
  let ms = 0;
  let playing = false;
  let seen = performance.now();

  const moment = (film) => film.start + film.video.currentTime * 1000;
  const rate = () => Number(speed.value);
  const chosen = () => views.find((view) => view.checked)?.value ?? "all";
  const inView = (film) => (chosen() === "all" ? film.video.dataset.composed !== "1" : film.figure.dataset.view === chosen());
  const shown = () => films.filter(inView);

  for (const film of films) {
    const composed = !film.figure.querySelector("figcaption");
    film.video.dataset.composed = composed ? "1" : "";
    film.video.controls = false;
    film.video.addEventListener("error", () => (document.getElementById("player-error").hidden = false));
    film.video.addEventListener("click", () => act("toggle"));
  }

  function place(film) {
    const wanted = clamp(ms - film.start, film.length) / 1000;
    if (Math.abs(film.video.currentTime - wanted) > 0.02) film.video.currentTime = wanted;
  }

  function go(to) {
    ms = clamp(to, duration);
    seen = performance.now();
    for (const film of shown()) place(film);
    say();
  }

  /** The film whose own clock is believed: the first of those shown that has something now. */
  const leader = () => shown().find((film) => covers(film, ms) && !film.video.ended && !film.video.error);

  function tick() {
    const now = performance.now();
    if (playing) advance(now - seen);
    seen = now;
    for (const film of films) follow(film);
    say();
    setTimeout(tick, playing ? 100 : 250);
  }

  function advance(passed) {
    const first = leader();
    if (!first) ms += passed * rate();
    else if (!first.video.paused && first.video.readyState >= 2 && !first.video.seeking) ms = Math.max(ms, moment(first));
    if (ms >= duration) {
      ms = duration;
      playing = false;
    }
  }

  function follow(film) {
    const active = inView(film);
    const here = covers(film, ms);
    film.figure.querySelector(".player__away")?.toggleAttribute("hidden", here);
    if (!active || !here || !playing) {
      if (!film.video.paused) film.video.pause();
      return;
    }
    film.video.playbackRate = rate();
    if (!film.video.seeking && film !== leader() && Math.abs(moment(film) - ms) > DRIFT) place(film);
    if (film.video.paused) {
      place(film);
      film.video.play().catch(() => {});
    }
  }

  function say() {
    document.getElementById("clock").textContent = clockOf(ms);
    const at = new Date(Date.parse(cinema.dataset.began) + ms);
    const wall = clockIn(at, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    document.getElementById("wall").textContent = wall;
    if (seek && document.activeElement !== seek) seek.value = String(ms);
    seek?.setAttribute("aria-valuetext", `${clockOf(ms)}, ${wall}`);
    const share = `${(100 * ms) / duration}%`;
    for (const end of ["x1", "x2"]) document.getElementById("playhead")?.setAttribute(end, share);
    const word = playing ? toggle.dataset.pause : toggle.dataset.play;
    if (toggle.querySelector("span").textContent !== word) {
      toggle.querySelector("span").textContent = word;
      const use = toggle.querySelector("use");
      use.setAttribute("href", use.getAttribute("href").replace(/#.*/, playing ? "#pause-fill" : "#play-fill"));
    }
  }

  /** As the log writes it: 2026-03-02 14:00:05. */
  const clockIn = (at, options) =>
    new Intl.DateTimeFormat("sv-SE", { timeZone: cinema.dataset.zone, ...options }).format(at);

  function choose() {
    for (const film of films) {
      film.figure.hidden = !inView(film);
      if (inView(film)) film.video.preload = "metadata";
      else film.video.pause();
    }
    cinema.querySelector(".players").dataset.many = String(shown().length);
    go(ms);
  }

  function full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else cinema.requestFullscreen?.();
  }

  function act(name, value) {
    if (name === "toggle") {
      if (!playing && ms >= duration) go(0);
      playing = !playing;
      seen = performance.now();
      for (const film of films) follow(film);
    } else if (name === "step") go(ms + value);
    else if (name === "picture" && !playing) go(ms + value);
    else if (name === "to") go(value);
    else if (name === "mark" || name === "gap") {
      const found = beside(name === "gap" ? gaps : marks, ms, value);
      if (found !== null) go(found);
    } else if (name === "speed") speed.value = nextSpeed(speeds, speed.value, value);
    else if (name === "view" && views[value]) {
      views[value].checked = true;
      choose();
    } else if (name === "full") full();
    say();
  }

  function pressed(event) {
    const found = keyAct(event);
    const target = event.target;
    const own = target.matches("button, summary, select, a");
    if (!found || (target.matches("select, input[type=radio]") && event.key !== "k")) return;
    if (own && (event.key === " " || event.key === "Enter")) return;
    event.preventDefault();
    act(...found);
  }

  cinema.addEventListener("keydown", pressed);
  toggle.addEventListener("click", () => act("toggle"));
  document.getElementById("full").addEventListener("click", full);
  for (const button of cinema.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => act("step", Number(button.dataset.step)));
  }
  for (const view of views) view.addEventListener("change", choose);
  seek?.addEventListener("input", () => go(Number(seek.value)));
  for (const button of document.querySelectorAll("button[data-seek]")) {
    button.addEventListener("click", () => {
      go(Number(button.dataset.seek));
      cinema.scrollIntoView({ block: "nearest" });
      cinema.focus({ preventScroll: true });
    });
  }
  for (const track of cinema.querySelectorAll(".lane__track")) {
    track.addEventListener("click", (event) => {
      const box = track.getBoundingClientRect();
      go(((event.clientX - box.left) / box.width) * duration);
    });
  }

  function stamp() {
    const now = clockIn(new Date(), { dateStyle: "short", timeStyle: "medium" });
    for (const place of cinema.querySelectorAll("[data-now]")) place.textContent = now;
    setTimeout(stamp, 1000);
  }

  document.getElementById("transport").hidden = false;
  choose();
  stamp();
  tick();
  const asked = /^#t=(\d{1,9})$/.exec(location.hash);
  if (asked) {
    go(Number(asked[1]));
    cinema.scrollIntoView({ block: "nearest" });
  }
}

/** Says how far the composed picture is, and offers it when it is there; the page is not loaded under a viewer's hands. */
async function waitForComposed() {
  const place = document.getElementById("composing");
  if (!place) return;
  try {
    const answer = await fetch(place.dataset.address, { headers: { Accept: "application/json" } });
    const said = answer.ok ? await answer.json() : null;
    if (said && said.percent > 0) {
      place.querySelector("progress").value = said.percent;
      document.getElementById("composing-share").textContent = `${said.percent} %`;
    }
    if (said && !said.waits) {
      place.querySelector("progress").hidden = true;
      place.querySelector("form")?.toggleAttribute("hidden", true);
      document.getElementById(said.made ? "composing-done" : "composing-ended").hidden = false;
      return;
    }
  } catch {
    // The server is away for a moment: ask again.
  }
  setTimeout(waitForComposed, 4000);
}
