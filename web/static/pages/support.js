// Written so that even an old browser runs it: says first of all when this browser cannot make a video call.

(function () {
  var root = document.documentElement;
  var able =
    "noModule" in document.createElement("script") &&
    typeof window.RTCPeerConnection === "function" &&
    typeof window.WebSocket === "function" &&
    !!(navigator.mediaDevices && navigator.mediaDevices.getUserMedia);
  root.setAttribute("data-able", able ? "yes" : "no");
  if (able) return;
  var inChat = /MicroMessenger|QQ\/|AlipayClient|DingTalk|Weibo/i.test(navigator.userAgent);
  document.getElementById("supported").hidden = true;
  document.getElementById("unsupported").hidden = false;
  document.getElementById("unsupported-chat").hidden = !inChat;
  var address = document.getElementById("address-old");
  address.value = location.href;
  document.getElementById("copy-old").onclick = function () {
    address.focus();
    address.select();
    document.execCommand("copy");
    document.getElementById("copied-old").innerText = document.getElementById("invitation").getAttribute("data-copied");
  };
})();
