"""`/stream/resume`, over a real sidecar."""

from tests.http.sidecars import serve


async def test_a_resume_is_passed_on_and_answered_at_once():
    resumed = []
    async with serve(resume_stream=lambda: resumed.append(1)) as running:
        answer = await running.ask("POST", "/stream/resume")
    assert (answer.status, answer.json) == (200, {"resumed": True})
    assert resumed == [1]


async def test_without_a_stream_there_is_no_such_route():
    async with serve() as running:
        assert (await running.ask("POST", "/stream/resume")).status == 404


async def test_only_a_post_resumes():
    resumed = []
    async with serve(resume_stream=lambda: resumed.append(1)) as running:
        answer = await running.ask("GET", "/stream/resume")
    assert answer.status == 405
    assert resumed == []
