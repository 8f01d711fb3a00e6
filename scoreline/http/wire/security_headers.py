"""What browsers are told besides an answer: of pages, where everything comes from and who may frame them.

Every answer also has `X-Content-Type-Options: nosniff` and `Cache-Control: no-store`. No answer has a header of CORS:
pages of other sites may not read answers, and what they may send unasked (`text/plain`, forms) is no JSON, so refused.
"""

from collections.abc import Sequence

Headers = tuple[tuple[str, str], ...]

_EVERYWHERE = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "connect-src": "'self'",
    "img-src": "data:",
    "require-trusted-types-for": "'script'",
}


def make_page_headers(
    *, scripts: Sequence[str] = (), styles: Sequence[str] = (), trusted_types: Sequence[str] = ()
) -> Headers:
    """The headers of an HTML page of the sidecar, for `Answer.headers`.

    Args:
        scripts: sources that its scripts may come from, as a content security policy writes them: `'self'`, or the
            hash of an inline one (`'sha256-…'`). Without any there may be none.
        styles: the same of its style sheets.
        trusted_types: names of the only policies by which its scripts may make markup of text.

    Raises:
        ValueError: a source that would allow whatever is injected.
    """
    for source in (*scripts, *styles, *trusted_types):
        if source.startswith(("'unsafe", "*", "http", "data:")) or not source.isascii() or set(source) & set(" ;,\r\n"):
            raise ValueError(f"expected 'self', a nonce or a hash as the source of a page, got {source!r}")
    policy = {
        **_EVERYWHERE,
        "script-src": " ".join(scripts) or "'none'",
        "style-src": " ".join(styles) or "'none'",
        "trusted-types": " ".join(trusted_types) or "'none'",
    }
    return (
        ("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in policy.items())),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    )
