/** Which camera, microphone and speaker, during the session. */

import { chosenSpeaker, speakers } from "./devices.js";
import { fill, h, show } from "./dom.js";
import { t } from "./texts.js";

/** A block of choices, kept up to date with what is plugged in. `onSpeaker(id)` applies a chosen speaker. */
export function deviceSettings(devices, onSpeaker) {
  const camera = row(t("Camera"), (id) => devices.choose("video", id));
  const microphone = row(t("Microphone"), (id) => devices.choose("audio", id));
  const speaker = row(t("Speaker"), (id) => (chosenSpeaker.set(id), onSpeaker(id)));
  const refresh = async () => {
    camera.offer(await devices.list("video"), devices.current("video"));
    microphone.offer(await devices.list("audio"), devices.current("audio"));
    speaker.offer(await speakers(), chosenSpeaker.get() || "");
  };
  devices.addEventListener("track", refresh);
  navigator.mediaDevices.addEventListener("devicechange", refresh);
  refresh();
  return h("div", { class: "device-settings" }, h("h3", {}, t("Devices")), camera.node, microphone.node, speaker.node);
}

function row(label, chosen) {
  const select = h("select", { on: { change: () => chosen(select.value) } });
  const node = h("label", { class: "choice" }, h("span", {}, label), select);
  return {
    node,
    offer(list, current) {
      show(node, list.length > 0);
      fill(
        select,
        list.map((one, index) =>
          h("option", { value: one.id, selected: one.id === current }, one.label || `${label} ${index + 1}`),
        ),
      );
    },
  };
}
