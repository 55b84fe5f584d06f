# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""One server for all cases of a table: started once a module, looked over at its end."""

import contextlib
import pathlib
import shutil
import tempfile

from .server import Server
from .upstream import Upstream, echo


@contextlib.contextmanager
def shared_server(config, files=None, script=echo, **options):
    """A running server. {www} in the configuration is a directory with `files` (path: content), {app} the URL of an
    upstream that runs `script`; both are attributes of the server too."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="port443-e2e-"))
    place.chmod(0o755)
    www = place / "www"
    www.mkdir(mode=0o755)
    for name, content in (files or {"index.html": "hello\n"}).items():
        path = www / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    app = Upstream(script)
    server = Server(config.replace("{www}", str(www)).replace("{app}", app.url), place, **options)
    server.www, server.app = www, app
    try:
        yield server.start()
    finally:
        wrong = server.look_over() if server.process else []
        app.stop()
        if wrong:
            print(server.dump())
        shutil.rmtree(place, ignore_errors=True)
    assert not wrong, "\n".join(wrong)
    assert not app.troubles
