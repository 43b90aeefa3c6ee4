// Shows the page anew when something in it has changed, but never under the hands of somebody who is choosing.

const page = document.querySelector("[data-mark]");
const EVERY = 4000;

function busy() {
  const active = document.activeElement;
  const choosing = active && active.matches("input, select, textarea");
  return choosing || document.querySelector("main details[open] form") !== null || document.hidden;
}

function say(lost) {
  document.getElementById("lost").hidden = !lost;
}

async function look() {
  try {
    const response = await fetch(page.dataset.markAddress, { headers: { Accept: "application/json" } });
    if (response.status === 401) return location.reload();
    say(!response.ok);
    if (response.ok && (await response.json()).mark !== page.dataset.mark && !busy()) {
      sessionStorage.setItem("scroll", String(scrollY));
      return location.reload();
    }
  } catch {
    say(true);
  }
  setTimeout(look, EVERY);
}

const left = sessionStorage.getItem("scroll");
if (left !== null) {
  sessionStorage.removeItem("scroll");
  scrollTo(0, Number(left));
}
if (page) setTimeout(look, EVERY);
