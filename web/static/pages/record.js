// Plays the recordings of a session side by side: one button for all, and a time in the log leads to that moment.

let part = document.querySelector("[data-part]");
let playing = false;

const videos = () => [...part.querySelectorAll("video[data-start]")];
const start = (video) => Number(video.dataset.start);
const length = (video) => Number(video.dataset.length);
const moment = (video) => start(video) + video.currentTime * 1000;
const inside = (video, ms) => ms >= start(video) - 1 && ms < start(video) + length(video);

function seek(ms) {
  for (const video of videos()) {
    video.currentTime = Math.min(Math.max(0, ms - start(video)), length(video)) / 1000;
  }
  part.scrollIntoView({ block: "nearest" });
}

/** Play from `ms` on: who begins later starts when their time has come. */
function playAll(ms) {
  playing = true;
  for (const video of videos()) {
    if (Math.abs(moment(video) - ms) > 300 && inside(video, ms)) video.currentTime = (ms - start(video)) / 1000;
    if (inside(video, ms)) video.play().catch(() => {});
  }
  waitForLater(ms);
}

function waitForLater(ms) {
  const began = performance.now();
  for (const video of videos()) {
    if (start(video) <= ms) continue;
    video.currentTime = 0;
    setTimeout(() => playing && video.paused && video.play().catch(() => {}), start(video) - ms - (performance.now() - began));
  }
}

function pauseAll() {
  playing = false;
  for (const video of videos()) video.pause();
}

function now() {
  const begun = videos().filter((video) => video.currentTime > 0 && !video.ended);
  return begun.length ? Math.max(...begun.map(moment)) : Math.min(...videos().map(start));
}

document.getElementById("play-all")?.addEventListener("click", () => playAll(now()));
document.getElementById("pause-all")?.addEventListener("click", pauseAll);
for (const button of document.querySelectorAll("[data-seek]")) {
  button.addEventListener("click", () => {
    const wanted = document.querySelector(`[data-part="${button.dataset.of}"]`);
    const again = playing;
    if (wanted !== part) pauseAll();
    part = wanted;
    seek(Number(button.dataset.seek));
    if (again) playAll(Number(button.dataset.seek));
  });
}
for (const video of document.querySelectorAll("video[data-start]")) {
  video.addEventListener("error", () => (document.getElementById("player-error").hidden = false));
}
