// Counts down to an instant by the server's clock and loads the page again when it has come: the button is there then.

const marks = [...document.querySelectorAll("[data-countdown]")];
const AGAIN = 15; // seconds at least between two loads

function words(seconds, mark) {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const { unitHours, unitMinutes, unitSeconds } = mark.dataset;
  if (hours > 0) return `${hours} ${unitHours} ${String(minutes).padStart(2, "0")} ${unitMinutes}`;
  if (minutes > 0) return `${minutes} ${unitMinutes} ${String(seconds % 60).padStart(2, "0")} ${unitSeconds}`;
  return `${seconds} ${unitSeconds}`;
}

function left(mark) {
  return Math.round((Date.parse(mark.dataset.countdown) - Date.parse(mark.dataset.now) - performance.now()) / 1000);
}

function tick() {
  for (const mark of marks) {
    const seconds = left(mark);
    if (seconds > 0 && seconds < 24 * 3600) mark.textContent = words(seconds, mark);
  }
  if (marks.some((mark) => left(mark) <= 0) && performance.now() > AGAIN * 1000) location.reload();
}

if (marks.length) {
  tick();
  setInterval(tick, 1000);
}
