"""Every secret a site makes for itself: where it lies, what it is for, and the command that replaces it.

Tokens, passwords, invitations and keys of cameras and terminals belong to somebody and are replaced where they were
handed out; what an operator typed into the settings is replaced there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SECRETS: Final = "secrets"
"""First part of a path that lies in the secrets directory, wherever that is."""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """One secret, which may be several files once it was replaced."""

    pattern: str
    """Below the data directory."""
    use: str
    command: tuple[str, ...]
    """``yuanjian`` with these words makes a new one."""
    goes_on: str
    """What still works afterwards, for whoever hesitates."""


TABLE: Final[tuple[SecretFile, ...]] = (
    SecretFile(
        "secrets/seal.keys",
        "seals second factors and contacts of guests in the database",
        ("secrets", "rotate", "seal"),
        "everything sealed is sealed anew, then the old key is destroyed",
    ),
    SecretFile(
        "secrets/names.keys",
        "seals the real names of protected persons",
        ("secrets", "rotate", "names"),
        "every name is sealed anew, then the old key is destroyed",
    ),
    SecretFile(
        "secrets/codes.keys",
        "hashes short codes",
        ("secrets", "rotate", "codes"),
        "codes already printed or sent, until yuanjian secrets forget codes",
    ),
    SecretFile(
        "secrets/ledger.keys",
        "signs checkpoints of the ledger",
        ("secrets", "rotate", "ledger"),
        "older checkpoints verify with the older public key; give witnesses the new one; then yuanjian secrets forget "
        "ledger",
    ),
    SecretFile(
        "keys/site-signing.pem",
        "certifies the key of every take",
        ("keys", "rotate", "--signing"),
        "older recordings verify: their public key stays in keys/site.pub",
    ),
    SecretFile(
        "keys/site-kek*.pem",
        "wraps the key of every recording",
        ("keys", "rotate"),
        "every recording opens: its key is wrapped anew",
    ),
    SecretFile(
        "tls/server.key",
        "the server's end of TLS with a certificate of our own",
        ("secrets", "rotate", "tls"),
        "browsers that trust the site's authority",
    ),
    SecretFile(
        "tls/ca.key",
        "the site's own certificate authority",
        ("secrets", "rotate", "authority"),
        "nothing until devices trust the new certificate: hand it out first (/trust)",
    ),
)


def found(data_dir: Path, secrets_dir: Path) -> Iterator[tuple[SecretFile, Path, datetime]]:
    """The secrets that are there, each with when its newest was made."""
    for row in TABLE:
        first, _, rest = row.pattern.partition("/")
        root = secrets_dir if first == SECRETS else data_dir / first
        for path in sorted(root.glob(rest)):
            yield row, path, datetime.fromtimestamp(path.stat().st_mtime, UTC)
