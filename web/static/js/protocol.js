// Generated from signaling/messages.py by `make generate`; do not edit.

export const VERSION = 1;

/** Why the server closes a socket. */
export const CLOSE = Object.freeze({
  REPLACED: 4000,
  PROTOCOL: 4001,
  NO_HELLO: 4002,
  SENT_AWAY: 4003,
  ENDED: 4005,
  TOO_MANY: 4006,
  TOO_SLOW: 4007,
  LEFT: 4008,
  UNKNOWN: 4401,
  DENIED: 4403,
  LATER: 1013,
  RESTART: 1012,
});

/** Members of the messages an endpoint may send; the server refuses any other. */
export const FROM_ENDPOINT = Object.freeze({
  hello: ["version", "ticket", "resume", "seen", "agent", "locale"],
  device: ["kind", "state", "changed"],
  page: ["hidden"],
  check_done: ["picture", "microphone", "speaker", "loss", "delay_ms", "way"],
  name_person: ["role", "name", "person", "number", "endpoint"],
  drop_person: ["present"],
  confirm_person: ["present", "how", "document", "officer"],
  doubt_person: ["present", "why", "document", "officer"],
  skip_identity: ["present", "reason"],
  ask_stills: ["present"],
  answer_stills: ["request", "consent"],
  verify_person: ["present", "document", "number"],
  confirm_name: ["me"],
  admit: ["endpoint"],
  refuse: ["endpoint", "reason"],
  eject: ["endpoint", "reason"],
  start: [],
  hold: ["reason"],
  resume: ["reason"],
  extend: ["minutes"],
  end: ["reason"],
  leave: [],
  chat: ["text"],
  marker: ["label"],
  share: ["on"],
  prefer: ["endpoint", "publication", "size"],
  help: [],
  ping: [],
});

/** Members of the server's messages; ignore others, a newer server may have more. */
export const TO_ENDPOINT = Object.freeze({
  welcome: ["version", "endpoint", "resume", "token", "whip", "whep", "ice_servers", "locale"],
  view: ["number", "now", "session", "kind", "title", "state", "reason", "reason_text", "since", "policy", "recording", "durable", "start", "end", "hard_end", "missing", "you", "rights", "custody", "endpoints", "identity", "identity_first", "stills"],
  durable: ["until"],
  warning: ["number", "minutes", "text"],
  said: ["number", "at", "endpoint", "name", "text"],
  notice: ["number", "at", "level", "code", "text"],
  republish: ["number"],
  ice_servers: ["ice_servers"],
  refused: ["code", "text"],
  replaced: [],
  ended: ["number", "at", "reason", "reason_text", "digest"],
  pong: ["now"],
});
