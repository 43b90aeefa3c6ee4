/*
 * Can this browser hold a session? Asked before anything else, in a language every browser speaks.
 *
 * Sets document.documentElement's data-support to "yes" or to the reason; the page's own words for that reason are
 * in the markup (data-unsupported), so nothing has to be loaded to show them. An in-app browser that has all that
 * is needed is let through with a hint.
 */
(function () {
  "use strict";
  var root = document.documentElement;

  function inApp(agent) {
    return /MicroMessenger|QQ\/|AlipayClient|DingTalk|Weibo|BytedanceWebview|FBAN|FBAV|Instagram|Line\//i.test(agent);
  }

  function reason() {
    var agent = navigator.userAgent || "";
    if (!window.isSecureContext && typeof window.isSecureContext !== "undefined") return "insecure";
    var media = navigator.mediaDevices && navigator.mediaDevices.getUserMedia;
    var able =
      window.RTCPeerConnection &&
      media &&
      window.WebSocket &&
      window.fetch &&
      "noModule" in document.createElement("script");
    if (able)
      able =
        !!window.RTCRtpTransceiver &&
        "replaceChildren" in Element.prototype &&
        "showModal" in (window.HTMLDialogElement || Function).prototype;
    if (able) return "yes";
    return inApp(agent) ? "in-app" : "too-old";
  }

  var found = reason();
  root.setAttribute("data-support", found);
  root.setAttribute("data-in-app", inApp(navigator.userAgent || "") ? "yes" : "no");
})();
