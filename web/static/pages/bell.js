// The number of new messages beside the bell. Without scripts the bell is a link like any other.

const bell = document.getElementById("bell");

async function count() {
  try {
    const response = await fetch("/messages/count", { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const told = await response.json();
    bell.hidden = !told.count;
    bell.textContent = told.count > 99 ? "99+" : String(told.count);
  } catch {
    bell.hidden = true;
  }
}

if (bell) {
  count();
  document.addEventListener("visibilitychange", () => document.hidden || count());
}
