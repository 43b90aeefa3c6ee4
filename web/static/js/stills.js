/**
 * The guest's side of still pictures: the question, taking both, covering what is not needed, seeing them, sending them.
 *
 * The document is cut out of the frame and a black bar drawn into it before it becomes a file; the uncovered picture
 * is held in this page only until then. A no is possible at every step, also after sending.
 */

import { button, fill, h, icon, say, show } from "./dom.js";
import { t } from "./texts.js";

/** Width by height of an identity card (ISO/IEC 7810 ID-1). */
const CARD = 85.6 / 53.98;
const LARGEST = 380_000;
const BAR = { x: 0.33, y: 0.79, width: 0.5, height: 0.14 };
/** Where the number of an identity card begins, but for its last digits. */
const STEP = 0.02;

export class Stills {
  /** `page.stillHours`: how long pictures are kept. */
  constructor(room, page) {
    Object.assign(this, { room, page, request: "", refused: "", taken: {}, step: "", addresses: [], shown: [] });
    room.addEventListener("view", ({ detail }) => this.#viewed(detail.state === "ended" ? null : detail.stills));
    room.addEventListener("state", ({ detail }) => {
      if (["ended", "refused", "replaced", "left"].includes(detail.state)) this.#close();
    });
  }

  #viewed(stills) {
    if (!stills || stills.request === this.refused) return this.#close();
    const known = this.request === stills.request;
    this.request = stills.request;
    this.asked = stills;
    if (stills.state === "asked" && this.step !== "question") return this.#question();
    if (stills.state === "granted" && !["face", "document", "send"].includes(this.step)) return this.#take(this.#next());
    if (stills.state === "sent" && known && this.step === "send") return this.#sent();
    return undefined;
  }

  #next() {
    return ["face", "document"].find((part) => !this.asked.sent.includes(part) && !this.taken[part]) || "send";
  }

  // The question

  #question() {
    const points = [
      t("What for: only to compare your face with your document."),
      t("Kept encrypted for at most {hours} hours, then deleted. Only the officers of this session, and whoever reviews the check, see them.", {
        hours: this.page.stillHours,
      }),
      t("You take them yourself, cover part of the number, and see them before they are sent."),
      t("You may say no. Then the officer compares on the screen, and nothing else changes for you."),
    ];
    this.#draw("question", [
      h("h2", { id: "stills-title" }, t("May we have two still pictures?")),
      h("p", {}, t("{officer} asks for one picture of your face and one of your identity document.", { officer: this.asked.by })),
      h("ul", { class: "points" }, points.map((text) => h("li", {}, text))),
      this.#row(
        button(t("Yes, I agree"), "check", { class: "primary", on: { click: () => this.#answer(true) } }),
        button(t("No, I do not agree"), null, { on: { click: () => this.#answer(false) } }),
      ),
    ]);
  }

  #answer(consent) {
    this.room.send("answer_stills", { request: this.request, consent });
    if (consent) return;
    this.refused = this.request;
    this.#close();
  }

  // Taking one

  #take(part) {
    if (part === "send") return this.#review();
    const face = part === "face";
    const video = h("video", { class: face ? "mirrored" : "", muted: true, playsInline: true, autoplay: true, "aria-label": t("Your picture") });
    this.room.devices.preview(video);
    const shoot = button(t("Take the picture"), "camera", { class: "primary", on: { click: () => this.#shot(part, video) } });
    const dark = h("p", { class: "soft", role: "status" });
    const on = button(t("Turn on the camera"), "camera", { on: { click: () => this.room.devices.setOn("video", true) } });
    const look = () => {
      const there = Boolean(this.room.devices.tracks.video);
      shoot.disabled = !there || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA; // no picture, nothing to take
      show(on, !there);
      say(dark, there ? "" : t("Your camera is off. The picture needs it."));
    };
    this.#draw(part, [
      h("h2", { id: "stills-title" }, face ? t("1 of 2: your face") : t("2 of 2: your document")),
      h("p", {}, face ? t("Look at the camera, as on a passport picture.") : t("Hold the side with your picture into the frame, so that it can be read.")),
      h("div", { class: `still-view ${part}` }, video, h("span", { class: "guide", "aria-hidden": "true" })),
      dark,
      this.#row(shoot, on, this.#no()),
    ]);
    look();
    for (const news of ["loadeddata", "emptied"]) video.addEventListener(news, look);
    this.room.devices.addEventListener("track", look);
    this.release = () => this.room.devices.removeEventListener("track", look);
    return undefined;
  }

  async #shot(part, video) {
    const cut = part === "face" ? whole(video) : framed(video);
    const frame = await createImageBitmap(video, cut.x, cut.y, cut.width, cut.height);
    if (part === "face") {
      this.taken.face = await file(frame, null);
      frame.close();
      return this.#look();
    }
    return this.#cover(frame);
  }

  /** The face as it would be sent. */
  #look() {
    this.#draw("face", [
      h("h2", { id: "stills-title" }, t("1 of 2: your face")),
      h("div", { class: "still-view" }, h("img", { src: this.#address(this.taken.face), alt: t("Face") })),
      this.#row(
        button(t("Use this picture"), "check", { class: "primary", on: { click: () => this.#take(this.#next()) } }),
        button(t("Take it again"), "again", { on: { click: () => (delete this.taken.face, this.#take("face")) } }),
        this.#no(),
      ),
    ]);
  }

  /** The document with its bar, which can be moved and never taken away. */
  #cover(frame) {
    const bar = { ...BAR };
    const canvas = h("canvas", { class: "cover", width: frame.width, height: frame.height, "aria-label": t("Your document with the black bar") });
    const draw = () => paint(canvas, frame, bar);
    const move = (x, y) => {
      bar.x = Math.min(Math.max(x, 0), 1 - bar.width);
      bar.y = Math.min(Math.max(y, 0), 1 - bar.height);
      draw();
    };
    drag(canvas, bar, move);
    const nudge = (label, dx, dy) =>
      button(label, null, { class: "small", on: { click: () => move(bar.x + dx, bar.y + dy) } });
    const grow = (by) => {
      bar.width = Math.min(Math.max(bar.width + by, 0.3), 1);
      move(bar.x, bar.y);
    };
    const use = async () => {
      this.taken.document = await file(frame, bar);
      frame.close();
      this.#take(this.#next());
    };
    const again = () => (frame.close(), this.#take("document"));
    draw();
    this.#draw("document", [
      h("h2", { id: "stills-title" }, t("Cover part of the number")),
      h("p", {}, t("Move the black bar over the first digits of the number. The last four may stay. What is under the bar is never sent.")),
      h("div", { class: "still-view" }, canvas),
      h(
        "div",
        { class: "nudges", role: "group", "aria-label": t("Move the bar") },
        nudge(t("To the left"), -STEP, 0),
        nudge(t("To the right"), STEP, 0),
        nudge(t("Higher"), 0, -STEP),
        nudge(t("Lower"), 0, STEP),
        button(t("Wider"), null, { class: "small", on: { click: () => grow(STEP * 2) } }),
        button(t("Narrower"), null, { class: "small", on: { click: () => grow(-STEP * 2) } }),
      ),
      this.#row(
        button(t("Use this picture"), "check", { class: "primary", on: { click: use } }),
        button(t("Take it again"), "again", { on: { click: again } }),
        this.#no(),
      ),
    ]);
  }

  // Sending

  #review() {
    const shown = Object.entries(this.taken).map(([part, blob]) =>
      h("figure", {}, h("img", { src: this.#address(blob), alt: partName(part) }), h("figcaption", {}, partName(part))),
    );
    const told = h("p", { role: "status" });
    const send = button(t("Send the pictures"), "check", { class: "primary", on: { click: () => this.#send(send, told) } });
    this.#draw("send", [
      h("h2", { id: "stills-title" }, t("This is what will be sent")),
      h("div", { class: "still-pair" }, shown),
      told,
      this.#row(
        send,
        button(t("Take them again"), "again", { on: { click: () => ((this.taken = {}), this.#take(this.#next())) } }),
        this.#no(),
      ),
    ]);
  }

  async #send(button_, told) {
    button_.disabled = true;
    say(told, t("Sending…"));
    for (const [part, blob] of Object.entries(this.taken)) {
      const failed = await this.#upload(part, blob);
      if (failed === null) continue;
      button_.disabled = false;
      return say(told, failed || t("They could not be sent. Please try again."));
    }
    this.taken = {};
    return undefined;
  }

  /** `null` when it has arrived, else why not, in words where the server has some. */
  async #upload(part, blob) {
    const { token } = this.room.connection.welcome || {};
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "image/jpeg" };
    const address = `/live/${this.room.session}/stills/${this.request}/${part}`;
    try {
      const response = await fetch(address, { method: "POST", headers, body: blob });
      if (response.status === 201) return null;
      const { code, text } = await response.json();
      return code === "already-sent" ? null : text;
    } catch {
      return "";
    }
  }

  #sent() {
    const back = () => this.#answer(false);
    this.#draw("sent", [
      h("h2", { id: "stills-title" }, icon("done"), h("span", {}, t("The pictures were sent"))),
      h("p", {}, t("They are deleted after at most {hours} hours. You can still have them deleted now.", { hours: this.page.stillHours })),
      this.#row(
        button(t("Go on"), null, { class: "primary", on: { click: () => this.#hide() } }),
        button(t("Delete them now"), null, { on: { click: back } }),
      ),
    ]);
  }

  #no() {
    return button(t("Do not send any"), null, { class: "quiet", on: { click: () => this.#answer(false) } });
  }

  // The dialog

  #row(...buttons) {
    return h("div", { class: "choices" }, buttons);
  }

  /** An address under which the page itself shows a picture, until the next step. */
  #address(blob) {
    this.addresses.push(URL.createObjectURL(blob));
    return this.addresses.at(-1);
  }

  #clear() {
    this.release?.();
    this.release = null;
    this.shown.forEach((address) => URL.revokeObjectURL(address));
    this.shown = this.addresses;
    this.addresses = [];
  }

  #draw(step, content) {
    this.#clear();
    this.step = step;
    this.dialog ??= this.#open();
    fill(this.dialog, content);
    this.dialog.querySelector("h2").focus();
  }

  #open() {
    const dialog = h("dialog", { class: "ask stills", "aria-labelledby": "stills-title", on: { cancel: (event) => event.preventDefault() } });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  #hide() {
    this.#clear();
    this.dialog?.close();
    this.dialog?.remove();
    this.dialog = null;
  }

  #close() {
    this.#hide();
    this.step = "";
    this.taken = {};
  }
}

function partName(part) {
  return part === "face" ? t("Face") : t("Document");
}

function whole(video) {
  return { x: 0, y: 0, width: video.videoWidth, height: video.videoHeight };
}

/** The frame the person holds the card into: as wide as shown by live.css (`.guide`). */
function framed(video) {
  const width = Math.min(video.videoWidth * 0.86, video.videoHeight * 0.86 * CARD);
  const height = width / CARD;
  return { x: (video.videoWidth - width) / 2, y: (video.videoHeight - height) / 2, width, height };
}

function paint(canvas, frame, bar) {
  const paper = canvas.getContext("2d");
  paper.drawImage(frame, 0, 0, canvas.width, canvas.height);
  if (!bar) return;
  paper.fillStyle = "#000";
  paper.fillRect(bar.x * canvas.width, bar.y * canvas.height, bar.width * canvas.width, bar.height * canvas.height);
}

/** Move the bar with finger or mouse: its middle follows. */
function drag(canvas, bar, move) {
  const follow = (event) => {
    const box = canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width - bar.width / 2;
    move(x, (event.clientY - box.top) / box.height - bar.height / 2);
  };
  canvas.addEventListener("pointerdown", (event) => (canvas.setPointerCapture(event.pointerId), follow(event)));
  canvas.addEventListener("pointermove", (event) => event.buttons && follow(event));
}

/** The picture as a JPEG that is small enough, with the bar in it: smaller and coarser until it is. */
async function file(frame, bar) {
  for (const [scale, quality] of [[1, 0.88], [1, 0.75], [0.7, 0.7], [0.45, 0.65]]) {
    const canvas = h("canvas", { width: Math.round(frame.width * scale), height: Math.round(frame.height * scale) });
    paint(canvas, frame, bar);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (blob && blob.size <= LARGEST) return blob;
  }
  throw new Error("the camera's picture cannot be made small enough");
}
