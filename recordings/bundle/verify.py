#!/usr/bin/env python3
# Stands alone on Python 3.8, without annotations, so that a reader sees only what it checks; openssl is whichever the
# reader's machine has.
# mypy: ignore-errors
# ruff: noqa: S603, UP031
"""Checks an exported recording with nothing but Python's standard library (3.8 or newer) and, for time stamps, openssl.

    python3 verify.py .  --site FINGERPRINT

FINGERPRINT is the SHA-256 of the site's public key, which you got by another way than this bundle (on paper, from the
site's pages, from a court). Without it the recording is checked, but nobody knows whose it is.

Exit: 0 unaltered and complete, 1 modified or missing, 2 not a recording, 3 incomplete or of an unknown site.
The rules checked are those of RECORDING-FORMAT, sections 2, 3 and 7. Nothing here is taken from the recorder's code.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

PROFILE = "Ed25519+SHA-256+AES-256-GCM"
HEADER, TAG = 56, 16

# Ed25519 verification as RFC 8032 section 5.1.7 describes it; slow and plain on purpose.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def point_of(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def powers(point):
    table = [point]
    for _ in range(255):
        table.append(add(table[-1], table[-1]))
    return table


def quick(number, table):
    result = (0, 1, 1, 0)
    for bit, point in enumerate(table):
        if number >> bit & 1:
            result = add(result, point)
    return result


BASE = powers(point_of(bytes.fromhex("58" + "66" * 31)))
KEYS = {}


def is_signed(key, signature, message):
    if len(key) != 32 or len(signature) != 64:
        return False
    if key not in KEYS:
        point = point_of(key)
        KEYS[key] = powers(point) if point else None
    r, s = point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if KEYS[key] is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = quick(s, BASE), add(r, quick(h, KEYS[key]))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# The chain


def decoded(text):
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        return b""


def fingerprint(key):
    return hashlib.sha256(bytes.fromhex("302a300506032b6570032100") + key).hexdigest()


MEMBERS = {
    "genesis": ("keys", "site", "policy"),
    "take": ("key", "site", "cert", "utc_ns"),
    "track": ("track",),
    "frame": ("segment", "frame", "offset", "length", "stored", "plain", "from_ms", "to_ms"),
    "gap": ("from_ms", "to_ms", "cause"),
    "log": ("number", "public", "private", "stored"),
    "timestamp": ("of", "digest", "token"),
    "recovered": ("aside",),
    "close": ("root", "frames", "duration_ms"),
}


def parsed(line):
    """Body, signature and signed text of a line, or None."""
    text, tab, coded = line[:-1].partition(b"\t")
    try:
        body, signature = json.loads(text.decode()), base64.b64decode(coded, validate=True)
    except (ValueError, RecursionError):
        return None
    if not tab or not isinstance(body, dict) or base64.b64encode(signature) != coded:
        return None
    if body.get("v") != 1 or body.get("profile") != PROFILE or body.get("type") not in MEMBERS:
        return None
    if not all(type(body.get(name)) is int and body[name] >= 0 for name in ("n", "take", "ms")):
        return None
    if not isinstance(body.get("prev"), str) or not isinstance(body.get("recording"), str):
        return None
    if not all(name in body and fits(name, body[name]) for name in MEMBERS[body["type"]]):
        return None
    return body, signature, text


COUNTS = {"track", "segment", "frame", "offset", "length", "from_ms", "to_ms", "number", "of", "frames", "duration_ms"}


def fits(name, value):
    if name in COUNTS:
        return type(value) is int and 0 <= value <= 2**53
    if name in ("public", "private"):
        return isinstance(value, dict)
    if name == "aside":
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return isinstance(value, str)


class Walk:
    """Every line in turn: believed, or not and why."""

    def __init__(self, raw):
        self.raw_lines = [piece + b"\n" for piece in raw.split(b"\n")[:-1]]
        self.tail = raw.split(b"\n")[-1]
        self.sites, self.bodies, self.causes = [], [], []
        self.recording, self.key, self.take = None, b"", 0
        expected, previous, doubt = 0, "0" * 64, False
        for line in self.raw_lines:
            body = self.believed(line)
            cause = ""
            if body is None:
                cause, expected, doubt = "line-altered", expected + 1, True
            else:
                if body["n"] < expected or (not doubt and body["n"] == expected and body["prev"] != previous):
                    cause = "line-moved"
                elif body["n"] > expected and not doubt:
                    cause = "lines-missing"
                expected, doubt = body["n"] + 1, False
            previous = hashlib.sha256(line).hexdigest()
            self.bodies.append(body)
            self.causes.append(cause)

    def believed(self, line):
        found = parsed(line)
        if found is None:
            return None
        body, signature, text = found
        message = b"yuanjian/chain/1\n" + text
        if self.recording not in (None, body["recording"]):
            return None
        if body["type"] == "genesis":
            site = decoded(body["site"])
            if not is_signed(site, signature, message):
                return None
            self.trust(body, site)
        elif body["type"] == "take":
            key, site = decoded(body["key"]), decoded(body["site"])
            said = {"key": body["key"], "recording": body["recording"], "take": body["take"]}
            certified = b"yuanjian/take/1\n" + json.dumps(said, separators=(",", ":"), sort_keys=True).encode()
            if not is_signed(site, decoded(body["cert"]), certified) or not is_signed(key, signature, message):
                return None
            if body["take"] <= self.take:
                return None
            self.trust(body, site)
            self.key, self.take = key, body["take"]
        elif body["take"] != self.take or not is_signed(self.key, signature, message):
            return None
        return body

    def trust(self, body, site):
        self.recording = body["recording"]
        if site not in self.sites:
            self.sites.append(site)


def canonical(name, value):
    """RFC 8785 for what log entries hold: text, whole numbers, truth values, lists and objects of these."""
    said = {"name": name, "value": value}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def root_of(leaves):
    """RFC 6962 section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


# What the site's ledger knew of the chain: entries proved to be in a tree (RFC 9162 section 2.1.3.2) whose head the
# ledger's key signed (C2SP signed note), all of it signed by the site


def proved(raw, recording, sites):
    """Media time and digest of each head; raises an error for anything that does not hold."""
    text, _, coded = raw.rstrip(b"\n").partition(b"\t")
    if not any(is_signed(site, decoded(coded.decode()), b"yuanjian/ledger/1\n" + text) for site in sites):
        raise ValueError("not signed by the site")
    said = json.loads(text.decode())
    name, _, key = said["key"].split("+", 2)
    if (said["v"], said["type"], said["recording"]) != (1, "ledger", recording):
        raise ValueError("of another recording")
    return [anchor_of(item, name, decoded(key)[1:], recording) for item in said["proofs"]]


def anchor_of(item, name, key, recording):
    note, _, signatures = item["checkpoint"].rpartition("\n\n")
    note += "\n"
    signed = [decoded(line.split(" ")[2])[4:] for line in signatures.splitlines() if line.split(" ")[1] == name]
    if not any(is_signed(key, signature, note.encode()) for signature in signed):
        raise ValueError("a checkpoint is not signed")
    origin, size, root = note.split("\n")[:3]
    leaf = hashlib.sha256(b"\0" + item["entry"].encode()).digest()
    path = [decoded(step) for step in item["proof"]]
    if origin != name or climbed(leaf, item["index"], int(size), path) != decoded(root):
        raise ValueError("an entry is not in the tree")
    _, _, tag, _, subject, details, _ = json.loads(item["entry"])
    ms = details.get("ms", 0)
    if subject != recording or tag not in ("recording.head", "recording.closed") or type(ms) is not int:
        raise ValueError("an entry of something else")
    return ms, details["digest"]


def climbed(found, number, size, path):
    """The root that a leaf's path leads to, or None."""
    last = size - 1
    if not 0 <= number < size:
        return None
    for step in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            found = hashlib.sha256(b"\1" + step + found).digest()
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + step).digest()
        number, last = number >> 1, last >> 1
    return found if last == 0 else None


# The whole


def start(body):
    return body["from_ms"] if body["type"] == "frame" else body["ms"]


def end(body):
    return body["to_ms"] if body["type"] == "frame" else body["ms"]


def clock(ms):
    return "%d:%02d:%02d" % (ms // 3600000, ms // 60000 % 60, ms // 1000 % 60)


class Check:
    def __init__(self, folder):
        self.folder = folder
        self.findings = []
        with open(os.path.join(folder, "chain.jsonl"), "rb") as file:
            self.walk = Walk(file.read())
        by_number = {}
        for body in self.walk.bodies:
            if body is not None:
                by_number.setdefault(body["n"], body)
        self.bodies = [by_number[number] for number in sorted(by_number)]
        self.end = max([end(body) for body in self.bodies], default=0)

    def say(self, verdict, from_ms, to_ms, cause, where=""):
        self.findings.append((verdict, from_ms, to_ms, cause, where))

    def of(self, kind):
        return [body for body in self.bodies if body["type"] == kind]

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def run(self):
        self.lines()
        self.keys()
        self.frames()
        self.log()
        self.pieces()
        self.ledger()
        return self.close()

    def lines(self):
        bodies = self.walk.bodies
        for index, cause in enumerate(self.walk.causes):
            if not cause:
                continue
            before = max([end(b) for b in bodies[:index] if b is not None][-1:] or [0])
            after = next((start(b) for b in bodies[index + (bodies[index] is None) :] if b is not None), before)
            verdict = "MISSING" if cause == "lines-missing" else "MODIFIED"
            self.say(verdict, before, max(before, after), cause, "line %d" % (index + 1))
        if self.walk.tail:
            self.say("TAIL", self.end, self.end, "chain-torn", "chain.jsonl")
        if not self.of("genesis"):
            self.say("MISSING", 0, 0, "genesis-missing")

    def keys(self):
        for body in self.of("genesis"):
            stored = self.read("keys.json")
            if stored is None and self.read("erased.jsonl") is None:
                self.say("MISSING", 0, 0, "keys-missing", "keys.json")
            elif stored is not None and hashlib.sha256(stored).hexdigest() != body["keys"]:
                self.say("MODIFIED", 0, 0, "keys-altered", "keys.json")

    def frames(self):
        segments = {}
        for body in self.of("frame"):
            segments.setdefault(body["segment"], []).append(body)
        for number, bodies in segments.items():
            name = "seg-%06d" % number
            plain = not os.path.exists(os.path.join(self.folder, name))
            self.segment(name + ".pcapng" if plain else name, bodies, plain)
        for name in sorted(os.listdir(self.folder)):
            match = re.match(r"seg-(\d{6,})(\.pcapng)?$", name)
            if match and int(match[1]) not in segments:
                self.say("TAIL", self.end, self.end, "segment-unsigned", name)

    def segment(self, name, bodies, plain):
        path, offset = os.path.join(self.folder, name), 0
        size = os.path.getsize(path) if os.path.isfile(path) else -1
        for body in bodies:
            length = body["length"] - (HEADER + TAG if plain else 0)
            at = offset if plain else body["offset"]
            offset = at + length
            where = "%s frame %d" % (name, body["frame"])
            if size < 0:
                self.say("MISSING", start(body), end(body), "segment-missing", where)
                continue
            with open(path, "rb") as file:
                file.seek(at)
                digest = hashlib.sha256(file.read(length)).hexdigest()
            if at + length > size:
                self.say("MISSING", start(body), end(body), "segment-cut", where)
            elif digest != body["plain" if plain else "stored"]:
                self.say("MODIFIED", start(body), end(body), "frame-altered", where)
        if size > offset:
            self.say("TAIL", self.end, self.end, "segment-tail", name)

    def log(self):
        wanted = {body["stored"]: body for body in self.of("log")}
        unknown = 0
        for line in (self.read("log.jsonl") or b"").splitlines(keepends=True):
            unknown += wanted.pop(hashlib.sha256(line).hexdigest(), None) is None
        for body in wanted.values():
            verdict, cause = ("MODIFIED", "log-altered") if unknown else ("MISSING", "log-missing")
            self.say(verdict, body["ms"], body["ms"] + 1, cause, "entry %s" % body["number"])
        if unknown and not wanted:
            self.say("TAIL", self.end, self.end, "log-unsigned", "log.jsonl")
        self.opened_log()

    def opened_log(self):
        """The readable log beside the encrypted one: each entry fits what the chain shows of it."""
        raw = self.read("log.json")
        if raw is None:
            return
        records = {body["number"]: body for body in self.of("log")}
        try:
            entries = json.loads(raw.decode())
            for entry in entries:
                record = records[entry["number"]]
                fits = entry["public"] == record["public"] and set(entry["private"]) == set(record["private"])
                for name, value in entry["private"].items():
                    said = json.dumps(
                        {"name": name, "value": value}, ensure_ascii=False, separators=(",", ":"), sort_keys=True
                    )
                    salted = b"yuanjian/commit/1\n" + decoded(entry["salts"][name]) + said.encode()
                    fits = fits and hashlib.sha256(salted).hexdigest() == record["private"][name]
                if not fits:
                    self.say(
                        "MODIFIED", record["ms"], record["ms"] + 1, "log-altered", "log.json entry %s" % entry["number"]
                    )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.say("MODIFIED", 0, self.end, "log-altered", "log.json")

    def pieces(self):
        for body in self.of("recovered"):
            for item in body["aside"]:
                name = os.path.basename(str(item.get("file")))
                data = self.read(os.path.join("aside", name))
                if data is None:
                    self.say("MISSING", body["ms"], body["ms"], "aside-missing", name)
                elif hashlib.sha256(data).hexdigest() != item.get("sha256"):
                    self.say("MODIFIED", body["ms"], body["ms"], "aside-altered", name)

    def close(self):
        for body in self.of("gap"):
            self.say("GAP", body["from_ms"], body["to_ms"], body["cause"])
        if not self.of("close"):
            return False
        close = self.of("close")[0]
        index = next(i for i, b in enumerate(self.walk.bodies) if b is not None and b["n"] == close["n"])
        if index != len(self.walk.raw_lines) - 1:
            self.say("MODIFIED", self.end, self.end, "lines-after-close")
        if root_of(self.walk.raw_lines[:index]).hex() != close["root"] and not self.spoilt():
            self.say("MODIFIED", 0, self.end, "root-differs")
        return True

    def ledger(self):
        """Whether the chain still has every head that the site's ledger knew of it."""
        raw = self.read("ledger.jsonl")
        if raw is None:
            return
        try:
            anchors = proved(raw, self.walk.recording, self.walk.sites)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError, AttributeError):
            self.say("MODIFIED", self.end, self.end, "ledger-altered", "ledger.jsonl")
            return
        held = {hashlib.sha256(line).hexdigest() for line in self.walk.raw_lines}
        kept = max([ms for ms, digest in anchors if digest in held], default=0)
        for ms, digest in anchors:
            if digest not in held:
                first = kept if kept < ms else max(0, ms - 1)
                self.say("MISSING", first, max(ms, first + 1), "chain-cut", "chain.jsonl")

    def spoilt(self):
        return [item for item in self.findings if item[0] in ("MODIFIED", "MISSING")]

    def stamps(self, authority):
        """Check each time stamp with openssl and the authority's certificate; return how many fit."""
        good = 0
        numbers = {body["n"]: i for i, body in enumerate(self.walk.bodies) if body is not None}
        stamps = [(b["of"], b["token"]) for b in self.of("timestamp")]
        for line in (self.read("timestamps.jsonl") or b"").splitlines():
            try:
                body = json.loads(line.decode())
                stamps.append((body["of"], body["token"]))
            except (ValueError, KeyError, TypeError):
                self.say("MODIFIED", self.end, self.end, "token-invalid", "timestamps.jsonl")
        for of, token in stamps:
            index = numbers.get(of)
            digest = hashlib.sha256(self.walk.raw_lines[index]).hexdigest() if index is not None else "0" * 64
            with tempfile.NamedTemporaryFile(suffix=".der") as file:
                file.write(decoded(token))
                file.flush()
                command = [
                    "openssl",
                    "ts",
                    "-verify",
                    "-digest",
                    digest,
                    "-in",
                    file.name,
                    "-token_in",
                    "-CAfile",
                    authority,
                ]
                if subprocess.run(command, capture_output=True).returncode:
                    self.say("MODIFIED", self.end, self.end, "token-invalid", "line %s" % of)
                else:
                    good += 1
        return good


# The bundle around it: what the site signed of its files, and which earlier keys it calls its own


def key_of(text):
    """The first Ed25519 key (PEM) of site.pub; empty when there is none."""
    for block in re.findall(r"-----BEGIN PUBLIC KEY-----(.+?)-----END PUBLIC KEY-----", text, re.S):
        der = decoded("".join(block.split()))
        if der[:-32] == bytes.fromhex("302a300506032b6570032100"):
            return der[-32:]
    return b""


class Bundle:
    """The files beside the recording. The list of them counts when its signer is trusted."""

    def __init__(self, folder):
        self.folder = folder
        self.signer = key_of(self.read("site.pub").decode("ascii", "replace"))
        self.vouched = set()
        text, _, coded = self.read("statement.jsonl").rstrip(b"\n").partition(b"\t")
        if is_signed(self.signer, decoded(coded.decode("ascii", "replace")), b"yuanjian/bundle/1\n" + text):
            self.vouched = self.named(text)

    def named(self, text):
        try:
            return {fingerprint(decoded(site)) for site in json.loads(text.decode()).get("sites", [])}
        except (ValueError, AttributeError, TypeError, RecursionError):
            return set()

    def read(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.isfile(path):
            return b""
        with open(path, "rb") as file:
            return file.read()

    def believed(self, trusted, sites):
        if trusted:
            return fingerprint(self.signer) in trusted or (fingerprint(self.signer) in sites and sites <= trusted)
        return fingerprint(self.signer) in sites or sites <= self.vouched

    def compare(self, check, believed):
        said = {item[0] for item in check.findings}
        listed = self.read("SHA256SUMS")
        if not listed:
            check.say("MISSING", 0, 0, "sums-missing", "SHA256SUMS")
        elif not is_signed(self.signer, self.read("SHA256SUMS.sig"), listed):
            check.say("MODIFIED", 0, 0, "sums-altered", "SHA256SUMS")
        elif not believed:
            check.say("MODIFIED", 0, 0, "bundle-foreign", "site.pub")
        else:
            self.files(check, listed, said)

    def files(self, check, listed, said):
        """Segments are compared by the chain, byte by byte, unless it leaves some that nothing vouches for."""
        found = re.findall(r"^([0-9a-f]{64})  (\S.*)$", listed.decode("utf-8", "replace"), re.M)
        names = {name: digest for digest, name in found if ".." not in name.split("/")}
        grave = bool(said & {"MODIFIED", "MISSING"})
        for name, digest in names.items():
            inner = name.startswith("recording/")
            path = os.path.join(self.folder, *name.split("/"))
            if inner and grave:
                continue  # the chain said more about these
            if not os.path.isfile(path):
                check.say("MISSING", 0, 0, "file-missing", name)
            elif inner and "TAIL" not in said and re.fullmatch(r"recording/seg-\d{6,}(\.pcapng)?", name):
                continue
            elif digest_of(path) != digest:
                check.say("MODIFIED", 0, 0, "file-altered", name)
        for folder in ("derived", "recording", "recording/aside"):
            place = os.path.join(self.folder, *folder.split("/"))
            for name in sorted(os.listdir(place)) if os.path.isdir(place) else ():
                if "%s/%s" % (folder, name) not in names and (folder, name) != ("recording", "aside"):
                    check.say("TAIL", 0, 0, "file-unlisted", "%s/%s" % (folder, name))


def digest_of(path):
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for piece in iter(lambda: file.read(1 << 20), b""):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()


WORDS = {
    "INTACT": "Unaltered and complete since it was recorded; whether the content is true is not ours to say.\n"
    "自录制以来未被改动，内容完整；所录内容是否属实，由审理者判断。",
    "MODIFIED": "NOT unaltered: parts are not what was signed when it was recorded.\n"
    "校验不一致：部分内容与录制时签名的内容不符。",
    "MISSING": "NOT complete: parts that were signed are missing.\n内容不完整：已签名的部分内容缺失。",
    "INCOMPLETE": "Unaltered as far as it goes, but its end was never signed.\n现有内容未被改动，但结尾没有签名。",
    "UNPINNED": "Consistent, but whose signatures these are is not known: give --site.\n"
    "内容自身一致，但尚未确认签名站点：请用 --site 指定站点指纹。",
}
EXIT = {"INTACT": 0, "MODIFIED": 1, "MISSING": 1, "INCOMPLETE": 3, "UNPINNED": 3}


def verdict_of(check, closed, pinned, foreign):
    found = {item[0] for item in check.findings}
    if foreign or "MODIFIED" in found:
        return "MODIFIED"
    if "MISSING" in found:
        return "MISSING"
    if not closed or "TAIL" in found:
        return "INCOMPLETE"
    return "INTACT" if pinned else "UNPINNED"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=".")
    parser.add_argument("--site", default="", help="fingerprint of the site's key, or a file that holds it")
    parser.add_argument("--authority", default="", help="certificate of the time stamp authority (PEM)")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = given.folder
    inner = os.path.join(folder, "recording")
    place = inner if os.path.isdir(inner) else folder
    if not os.path.isfile(os.path.join(place, "chain.jsonl")):
        return without_a_chain(place)
    check = Check(place)
    if not check.bodies:
        print("MODIFIED\nNo line of chain.jsonl can be believed. chain.jsonl 中没有一行可以采信。")
        return 1
    try:
        closed = check.run()
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        check.say("MODIFIED", 0, check.end, "unreadable")
        closed = False
    authority = given.authority or os.path.join(place, "authority.pem")
    stamped = check.stamps(authority) if os.path.isfile(authority) else 0
    trusted = given.site
    if os.path.isfile(trusted):
        with open(trusted, encoding="utf-8") as file:
            trusted = file.read()
    trusted = set(re.findall(r"[0-9a-f]{64}", trusted.replace(":", "").lower()))
    sites = [fingerprint(site) for site in check.walk.sites]
    if place == inner:
        bundle = Bundle(folder)
        if fingerprint(bundle.signer) in trusted:
            trusted |= bundle.vouched  # a site's newest key speaks for those it had before
        bundle.compare(check, bundle.believed(trusted, set(sites)))
    foreign = bool(trusted) and not set(sites) <= trusted
    verdict = verdict_of(check, closed, bool(trusted) and not foreign, foreign)
    last = max(i for i, body in enumerate(check.walk.bodies) if body is not None)
    digest = hashlib.sha256(check.walk.raw_lines[last]).hexdigest()
    report(given.json, verdict, check, sites, foreign, digest, stamped)
    return EXIT[verdict]


def without_a_chain(place):
    known = os.path.isfile(os.path.join(place, "keys.json"))
    print("%s\nThere is no chain.jsonl here. 这里没有 chain.jsonl。" % ("MISSING" if known else "UNUSABLE"))
    return 1 if known else 2


def report(as_json, verdict, check, sites, foreign, digest, stamped):
    rows = [
        {"verdict": v, "from_ms": a, "to_ms": b, "cause": cause, "where": where}
        for v, a, b, cause, where in check.findings
    ]
    if as_json:
        said = {"verdict": verdict, "exit": EXIT[verdict], "recording": check.walk.recording, "digest": digest}
        print(
            json.dumps({**said, "sites": sites, "timestamps": stamped, "findings": rows}, ensure_ascii=False, indent=2)
        )
        return
    print("%s  %s\n%s" % (verdict, check.walk.recording, WORDS[verdict]))
    for row in rows:
        print(
            "  %-9s %s-%s  %s %s"
            % (row["verdict"], clock(row["from_ms"]), clock(row["to_ms"]), row["cause"], row["where"])
        )
    for site in sites:
        print("site key %s%s" % (site, "  NOT the one you trust 不是您信任的站点" if foreign else ""))
    print("digest   %s\nrecorded %s, %d time stamps checked" % (digest, clock(check.end), stamped))


if __name__ == "__main__":
    sys.exit(main())
