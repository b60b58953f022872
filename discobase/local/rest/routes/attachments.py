"""Attachments: fresh addresses for old ones.

Neither Discord's documentation nor its description has this endpoint; bots use it (unofficial
documentation, "Cloud Uploads").
"""

from __future__ import annotations

import re
from typing import cast

from discobase.local.rest.call import Call
from discobase.local.rest.forms.form import Form
from discobase.local.rest.response import Reply, ok
from discobase.local.rest.routing import Route

_MOST_URLS = 50
"""From unofficial documentation, as the endpoint itself."""

_PATH = re.compile(r"/attachments/(\d{1,20})/(\d{1,20})/([A-Za-z0-9_.-]+)")


def refresh_attachment_urls(call: Call) -> Reply:
    """Sign addresses anew, whatever state the old signatures are in."""
    form = Form(call.body)
    given = form.body.get("attachment_urls")
    urls = cast("list[object]", given) if isinstance(given, list) else []
    if not 1 <= len(urls) <= _MOST_URLS:
        message = f"Must be between 1 and {_MOST_URLS} in length."
        form.wrong("attachment_urls", "BASE_TYPE_BAD_LENGTH", message)
    refreshed = [{"original": url, "refreshed": _refresh(call, str(url))} for url in urls]
    for number, pair in enumerate(refreshed):
        if pair["refreshed"] is None:
            message = "Not a well formed URL."
            form.wrong(f"attachment_urls.{number}", "URL_TYPE_INVALID_URL", message)
    form.check()
    return ok({"refreshed_urls": refreshed})


def _refresh(call: Call, url: str) -> str | None:
    found = _PATH.search(url)
    if found is None:
        return None
    place = (int(found[1]), int(found[2]), found[3])
    return call.platform.signer.url(call.origin, *place)


ROUTES = (Route("POST", "/attachments/refresh-urls", refresh_attachment_urls),)
