"""A real S3 server for tests: OpenStack Swift with s3api, all four of its servers in one process.

    .venv-s3/bin/python tests/s3/server.py DIRECTORY PORT

Runs in an environment of its own (``tests/s3/requirements.lock``), keeps everything under DIRECTORY, listens on
loopback, and prints ``ready`` once it answers. User ``test:tester``, key ``testing``.
"""

import eventlet

eventlet.monkey_patch()

import os  # noqa: E402  after the patch
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from eventlet import wsgi  # noqa: E402
from swift.common import utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

HOST = "127.0.0.1"
SWIFT = """
[swift-hash]
swift_hash_path_prefix = test
swift_hash_path_suffix = test
[swift-constraints]
max_file_size = 5368709122
"""
STORAGE = """
[DEFAULT]
swift_dir = {place}
devices = {place}/devices
mount_check = false
user = root
log_address = /nowhere
recon_cache_path = {place}/recon
disable_fallocate = true
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
allow_versions = true
"""
PROXY = """
[DEFAULT]
swift_dir = {place}
user = root
log_address = /nowhere
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
conn_timeout = 10
node_timeout = 30
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
auth_pipeline_check = false
check_bucket_owner = false
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""


def listen(port=0):
    return eventlet.listen((HOST, port))


def ring(place, name, port):
    builder = RingBuilder(2, 1, 0)
    builder.add_dev(
        {
            "region": 1,
            "zone": 1,
            "ip": HOST,
            "port": port,
            "replication_ip": HOST,
            "replication_port": port,
            "device": "disk",
            "weight": 1,
            "meta": "",
        }
    )
    builder.rebalance()
    builder.get_ring().save(str(place / f"{name}.ring.gz"))


def serve(sock, app):
    eventlet.spawn(wsgi.server, sock, app, log=open(os.devnull, "w"), log_output=False)  # noqa: SIM115  for its life


def main(place, port):
    (place / "devices" / "disk").mkdir(parents=True, exist_ok=True)
    (place / "recon").mkdir(exist_ok=True)
    (place / "swift.conf").write_text(SWIFT)
    sockets = {kind: listen() for kind in ("account", "container", "object")}
    for kind, sock in sockets.items():
        ring(place, kind, sock.getsockname()[1])
        (place / f"{kind}.conf").write_text(STORAGE.format(place=place, kind=kind))
    (place / "proxy.conf").write_text(PROXY.format(place=place))
    utils.set_swift_dir(str(place))
    for kind, sock in sockets.items():
        serve(sock, loadapp(str(place / f"{kind}.conf"), global_conf={"log_name": kind}))
    serve(listen(port), loadapp(str(place / "proxy.conf"), global_conf={"log_name": "proxy"}))
    print("ready", flush=True)
    while True:
        eventlet.sleep(3600)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
