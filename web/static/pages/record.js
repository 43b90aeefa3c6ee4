// Plays the recordings of a session side by side: one button for all, and a time in the log leads to that moment.

const videos = [...document.querySelectorAll("video[data-start]")];
const inside = (video, ms) => ms >= Number(video.dataset.start) && ms < Number(video.dataset.start) + Number(video.dataset.length);
const moment = (video) => Number(video.dataset.start) + video.currentTime * 1000;
let playing = false;

function seek(ms) {
  for (const video of videos) {
    const at = Math.max(0, (ms - Number(video.dataset.start)) / 1000);
    video.currentTime = Math.min(at, Number(video.dataset.length) / 1000);
  }
  document.getElementById("players").scrollIntoView({ block: "nearest" });
}

function playAll() {
  const now = Math.max(...videos.filter((video) => video.currentTime > 0).map(moment), 0);
  playing = true;
  for (const video of videos) {
    if (now > 0 && Math.abs(moment(video) - now) > 300) video.currentTime = Math.max(0, (now - Number(video.dataset.start)) / 1000);
    if (inside(video, now) || now === 0) video.play().catch(() => {});
  }
}

function pauseAll() {
  playing = false;
  for (const video of videos) video.pause();
}

document.getElementById("play-all")?.addEventListener("click", playAll);
document.getElementById("pause-all")?.addEventListener("click", pauseAll);
for (const button of document.querySelectorAll("[data-seek]")) {
  button.addEventListener("click", () => {
    seek(Number(button.dataset.seek));
    if (playing) playAll();
  });
}
for (const video of videos) {
  video.addEventListener("error", () => (document.getElementById("player-error").hidden = false));
}
