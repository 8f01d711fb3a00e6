from tests.http.sidecars import serve


async def test_metrics_are_rendered_as_they_are_now():
    """Requests that were answered before are in, with the type that was rendered."""
    async with serve() as running:
        await running.predict([{"a": 1}])
        answer = await running.get("/metrics")
        assert answer.body == b"requests 1\n"
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"


async def test_metrics_take_any_query():
    """Scrapers add parameters of their own."""
    async with serve() as running:
        assert (await running.get("/metrics?name[]=x")).status == 200


async def test_metrics_are_there_for_head_without_a_body():
    async with serve() as running:
        answer = await running.ask("HEAD", "/metrics")
        assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "11")


async def test_stats_are_a_snapshot():
    async with serve() as running:
        await running.predict([{"a": 1}])
        assert (await running.get("/stats")).json == {"requests": 1}


async def test_a_process_without_the_http_role_serves_health_and_metrics_only():
    async with serve(serving=False) as running:
        assert (await running.get("/health")).status == 200
        assert (await running.get("/metrics")).status == 200
        for path in ("/stats", "/models", "/models/1"):
            assert (await running.get(path)).status == 404
        assert (await running.predict([{"a": 1}])).status == 404
