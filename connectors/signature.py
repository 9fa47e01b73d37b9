"""The signature of a webhook: HMAC-SHA256 of its raw body with a shared secret, compared in constant time.

Refuses: reading the body.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import blake2b, sha256

from pydantic import SecretStr

from bridge.errors import SignatureError


def check(
    tracker: str,
    secret: SecretStr | None,
    headers: Mapping[str, str],
    header: str,
    body: bytes,
    *,
    bare: bool = False,
    hint: str = "",
) -> None:
    """``header`` holds ``sha256=`` and the digest in hex, with ``bare`` perhaps that alone; ``headers`` have lower-case names.

    ``hint``: what else may help where no signature can be had.

    Raises: SignatureError; also without a secret, since anybody can sign with none.
    """
    if secret is None or not secret.get_secret_value():
        raise SignatureError(
            f"A webhook came for a {tracker} connection that has no webhook_secret.",
            hint=f"Give the connection the secret that the webhook has in {tracker}. {hint}".strip(),
        )
    given = headers.get(header.lower(), "").strip()
    if bare and given:
        given = f"sha256={given.removeprefix('sha256=').lower()}"
    expected = "sha256=" + hmac.new(secret.get_secret_value().encode(), body, sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")):
        raise SignatureError(
            f"A webhook's {header} does not fit its body." if given else f"A webhook has no {header}.",
            hint=f"Compare webhook_secret with the webhook's secret in {tracker}; else somebody else is calling. {hint}".strip(),
        )


def name_of(body: bytes) -> str:
    """The id of a delivery that brings none: a retry is the same byte for byte."""
    return blake2b(body, digest_size=16).hexdigest()
