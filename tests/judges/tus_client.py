"""tuspy as a script uses it: `python tus_client.py upload|begin|resume ENDPOINT FILE...`, token in TOKEN.

The same three modes as tus.mjs. tuspy resumes inside one upload; if that fails too, a new uploader continues with the URL.
"""

import json
import os
import sys
import time

from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

mode, endpoint, files = sys.argv[1], sys.argv[2], sys.argv[3:]
client = TusClient(endpoint, headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})


def say(**line):
    print(json.dumps(line), flush=True)


def status_of(error):
    """0 for a network error: tuspy wraps the exception of `requests` for a broken connection, and Python treats a response
    that was cut in its head as a complete one without that header."""
    status = getattr(error, "status_code", None) or 0
    return status if status >= 400 else 0


def send(file, url=None, checksum=False):
    """Sends until the file is complete. A broken connection is retried forever; a refusal of the server is not."""
    while True:
        try:
            uploader = client.uploader(
                file,
                url=url,
                chunk_size=8 * 1024,
                retries=3,
                retry_delay=0,
                metadata={"filename": os.path.basename(file)},
                upload_checksum=checksum,
            )
            if not uploader.url:
                uploader.set_url(uploader.create_url())
                uploader.offset = 0
            url = uploader.url
            uploader.upload()
            return url
        except (TusCommunicationError, TusUploadFailed, TypeError) as error:
            status = status_of(error)
            if status in (404, 410) and url:
                url = None
            elif status and status not in (409, 460, 503):
                raise
            time.sleep(0.01)


if mode == "upload":
    for n, file in enumerate(files):
        say(file=file, url=send(file, checksum=n % 2 == 0))
elif mode == "begin":
    uploader = client.uploader(files[0], chunk_size=24 * 1024)
    uploader.set_url(uploader.create_url())
    uploader.offset = 0
    try:
        uploader.upload()
    except TusUploadFailed as error:
        say(url=uploader.url, status=status_of(error))
elif mode == "resume":
    say(file=files[0], url=send(files[0], url=os.environ["URL_BEFORE"]))
else:
    sys.exit(f"what is {mode}?")
