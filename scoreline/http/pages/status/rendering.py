"""From a picture to the text of the page: what is wrong first, then every section."""

from collections.abc import Sequence

from scoreline.http.pages.status.markup import Html, element, join, name_of
from scoreline.http.pages.status.model_sections import show_drift, show_models, show_quality
from scoreline.http.pages.status.picture import StatusPicture
from scoreline.http.pages.status.sections import show_health, show_jobs, show_lag, show_letters, show_pace
from scoreline.http.pages.status.troubles import Severity, Trouble, find_troubles

NOTHING_WRONG = "Nothing is wrong."


def render(picture: StatusPicture) -> Html:
    """What stands in the page's `main`; the same for an equal picture, but for nothing that only time changes."""
    troubles = find_troubles(picture)
    return join(
        show_headline(_say_headline(troubles), "good" if not troubles else _name_kind(troubles[0])),
        _list_troubles(troubles),
        show_health(picture),
        show_pace(picture),
        show_lag(picture),
        show_models(picture),
        show_drift(picture),
        show_quality(picture),
        show_letters(picture),
        show_jobs(picture),
    )


def show_headline(words: str, kind: str) -> Html:
    """The first line of the page, which is read out where it changes.

    Args:
        kind: `good`, `warn` or `bad`; `none` where nothing is known.
    """
    return element("h1", words, id="headline", class_=kind, aria_live="polite", aria_atomic="true")


def _say_headline(troubles: Sequence[Trouble]) -> str:
    if not troubles:
        return NOTHING_WRONG
    first, *others = troubles
    more = {0: "", 1: ", and one more thing is wrong"}.get(len(others), f", and {len(others)} more things are wrong")
    return f"{first.words[0].upper()}{first.words[1:]}{more}."


def _list_troubles(troubles: Sequence[Trouble]) -> Html | None:
    if not troubles:
        return None
    items = (
        element(
            "li",
            element("a", trouble.words, href=f"#{trouble.section}"),
            ": ",
            name_of(trouble.detail),
            class_=_name_kind(trouble),
        )
        for trouble in troubles
    )
    return element("ul", *items, class_="troubles", data_key="troubles")


def _name_kind(trouble: Trouble) -> str:
    return "warn" if trouble.severity is Severity.WATCH else "bad"
