// The guest's page: looks at the invitation (which consumes nothing) and accepts it when the guest says who they are.

const page = document.getElementById("invitation");
const part = (id) => document.getElementById(id);
const secret = location.hash.slice(1);
let codeBy = null;

async function ask(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  const told = await response.json();
  if (!response.ok) throw new Error(told.text || page.dataset.offline);
  return told;
}

function show(name) {
  for (const id of ["loading", "failed", "short", "content", "not-you"]) part(id).hidden = id !== name;
}

function fail(text, again) {
  part("failed-text").textContent = text;
  part("retry").hidden = !again;
  show("failed");
}

function reason(error) {
  return error instanceof TypeError ? page.dataset.offline : error.message;
}

async function look() {
  show("loading");
  if (!secret) return show("short");
  try {
    const told = await ask("/i/look", { secret });
    for (const place of page.querySelectorAll("[data-fill]")) place.textContent = told[place.dataset.fill] ?? "";
    const phone = part("phone");
    phone.textContent = told.phone;
    phone.href = `tel:${told.phone.replace(/[^0-9+]/g, "")}`;
    part("alias").hidden = !told.alias;
    part("off").hidden = !told.off;
    part("next").hidden = Boolean(told.off);
    part("ask-me").hidden = Boolean(told.next || told.off);
    part("again").hidden = !told.next || Boolean(told.off);
    if (told.next) part("again-link").href = told.next;
    codeBy = told.code_by;
    show("content");
  } catch (error) {
    fail(reason(error), error instanceof TypeError);
  }
}

/** The way in: with the code where one is asked for. */
async function enter(code) {
  const told = await ask("/i/accept", { secret, me: true, code });
  location.assign(told.next);
}

/** Have a code sent and ask for it, bound to this browser. */
async function sendCode() {
  await ask("/i/code", { secret });
  part("code-sms").hidden = codeBy !== "sms";
  part("code-mail").hidden = codeBy !== "mail";
  part("ask-me").hidden = true;
  part("code-step").hidden = false;
  part("code-title").focus();
}

/** Run `act` with the buttons of the code off; what is wrong stands beside the field. */
async function codeStep(act) {
  const buttons = part("code-form").querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  part("code-error").hidden = true;
  try {
    await act();
  } catch (error) {
    part("code-error").textContent = reason(error);
    part("code-error").hidden = false;
    part("code").focus();
  }
  for (const button of buttons) button.disabled = false;
}

async function answer(me) {
  const buttons = [part("me"), part("not-me")];
  for (const button of buttons) button.disabled = true;
  part("me-error").hidden = true;
  try {
    if (me) {
      await (codeBy ? sendCode() : enter(""));
      for (const button of buttons) button.disabled = false;
      return;
    }
    await ask("/i/accept", { secret, me: false });
    history.replaceState(null, "", "/i");
    part("heading").hidden = true;
    show("not-you");
    part("not-you").focus();
  } catch (error) {
    part("me-error").textContent = reason(error);
    part("me-error").hidden = false;
  }
  for (const button of buttons) button.disabled = false;
}

async function copy() {
  const field = part("address");
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.select();
    document.execCommand("copy");
  }
  part("copied").textContent = page.dataset.copied;
}

if (document.documentElement.dataset.able === "yes") {
  part("address").value = location.href;
  part("me").addEventListener("click", () => answer(true));
  part("not-me").addEventListener("click", () => answer(false));
  part("code-form").addEventListener("submit", (event) => {
    event.preventDefault();
    codeStep(() => enter(part("code").value));
  });
  part("code-again").addEventListener("click", () => codeStep(sendCode));
  part("short-form").addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = part("short-code").value.trim();
  });
  part("retry").addEventListener("click", look);
  part("copy").addEventListener("click", copy);
  addEventListener("hashchange", () => location.reload());
  look();
}
