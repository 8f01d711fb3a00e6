import pytest

from scoreline.http.request_id import RequestIds
from tests.http.sidecars import serve


@pytest.mark.parametrize("given", ["a", "7f3c-22", "!~", "x" * 128])
def test_a_sane_id_is_kept(given):
    assert RequestIds().choose(given) == given


@pytest.mark.parametrize(
    "given", [None, "", " ", "a b", "x" * 129, "a\nb", "a\r\nSet-Cookie: x", "ü", "\x7f", "\udcff"]
)
def test_any_other_is_replaced(given):
    """So that neither a header nor a log line can be forged with one."""
    assert RequestIds("fresh").choose(given) == "fresh-1"


def test_new_ids_are_unique_within_and_between_processes():
    first, second = RequestIds(), RequestIds()
    ids = [source.choose(None) for _ in range(100) for source in (first, second)]
    assert len(set(ids)) == 200


async def test_every_answer_has_an_id():
    """Also those that nothing was found for, and the event says the same one."""
    async with serve() as running:
        for path in ("/health", "/nope"):
            answer = await running.get(path, headers={"X-Request-Id": "mine-7"})
            assert answer.headers["X-Request-Id"] == "mine-7"
        answer = await running.get("/health", headers={"X-Request-Id": "not sane"})
        assert answer.headers["X-Request-Id"] != "not sane"
        assert [e.request_id for e in running.events] == ["mine-7", "mine-7", answer.headers["X-Request-Id"]]
