// Something is being made: shows how far it is, and shows the page anew when it is there.

for (const place of document.querySelectorAll("[data-waits]")) look(place);

async function look(place) {
  try {
    const answer = await fetch(place.dataset.waits, { headers: { Accept: "application/json" } });
    const said = answer.ok ? await answer.json() : null;
    if (said && !said.waits) return location.reload();
    if (said) {
      place.querySelector("progress").value = said.percent;
      place.querySelector("[data-share]").textContent = `${said.percent} %`;
    }
  } catch {
    // The server is away for a moment: ask again.
  }
  setTimeout(look, 2000, place);
}
