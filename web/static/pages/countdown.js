// Counts down to an instant and reloads when it has come, so that the button appears by itself.

const marks = [...document.querySelectorAll("[data-countdown]")];

function words(seconds, mark) {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const { unitHours, unitMinutes, unitSeconds } = mark.dataset;
  if (hours > 0) return `${hours} ${unitHours} ${String(minutes).padStart(2, "0")} ${unitMinutes}`;
  if (minutes > 0) return `${minutes} ${unitMinutes} ${String(seconds % 60).padStart(2, "0")} ${unitSeconds}`;
  return `${seconds} ${unitSeconds}`;
}

function tick() {
  let over = false;
  for (const mark of marks) {
    const seconds = Math.round((Date.parse(mark.dataset.countdown) - Date.now()) / 1000);
    if (seconds <= 0) over = true;
    else if (seconds < 24 * 3600) mark.textContent = words(seconds, mark);
  }
  if (over) {
    clearInterval(timer);
    setTimeout(() => location.reload(), 1500);
  }
}

const timer = marks.length ? setInterval(tick, 1000) : 0;
if (marks.length) tick();
