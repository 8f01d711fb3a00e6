import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from scoreline.config.tokens import Access, Token
from scoreline.errors import Overloaded, Unavailable
from scoreline.features import Feature, Kind
from scoreline.http.auth import Door
from scoreline.http.errors import PROBLEMS, TYPE_PREFIX, answer_problem
from scoreline.http.openapi.document import make_document
from scoreline.http.openapi.operations import Location, Operation, Parameter, as_json
from scoreline.http.routes import Route
from scoreline.models.routes import Route as ModelRoute
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.sidecars import begin_look, make_model, serve

TOKENS = [Token(Access.PREDICT, "predict-me"), Token(Access.ADMIN, "admin-me")]
BEARER = {"Authorization": "Bearer predict-me"}


def read_drift(version=None, feature=None):
    return {"model": "model", "versions": []}


def serve_all(models=None, **options):
    """A sidecar with every route that there is."""
    return serve(models, resume_stream=lambda: None, reload_models=begin_look, read_drift=read_drift, **options)


async def get_document(models=None, **options):
    async with serve_all(models, **{"tokens": TOKENS, **options}) as running:
        answer = await running.get("/openapi.json", headers=BEARER)
        assert answer.status == 200
        return answer.json


def find_operations(document):
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def make_route(operation, method="GET", pattern="/jobs/{job_id}/chunks/{n}"):
    async def answer(call):
        raise AssertionError("routes are only told of here")

    return Route(method, pattern, Door.PREDICT, answer, "Do it", operation)


def describe(operation, **changes):
    document = make_document([make_route(operation, **changes)], version="1", guarded=True, replaced={})
    OpenAPIV31SpecValidator(document).validate()
    (described,) = find_operations(document).values()
    return described


@pytest.mark.slow
async def test_the_document_is_valid_openapi():
    OpenAPIV31SpecValidator(await get_document()).validate()


async def test_every_route_says_what_it_takes_and_answers():
    async with serve_all() as running:
        assert [r.pattern for r in running.sidecar.routes if r.operation is None or not r.operation.answers] == []


async def test_every_route_is_in_the_document_and_nothing_else():
    async with serve_all() as running:
        routes = {(r.method, r.pattern): r.summary for r in running.sidecar.routes}
        document = (await running.get("/openapi.json")).json
    assert {key: operation["summary"] for key, operation in find_operations(document).items()} == routes
    names = [operation["operationId"] for operation in find_operations(document).values()]
    assert len(set(names)) == len(names)


async def test_every_status_of_the_table_of_problems_is_told_somewhere():
    operations = find_operations(await get_document()).values()
    assert {p.status for p in PROBLEMS.values()} <= {int(status) for o in operations for status in o["responses"]}


async def test_every_answer_has_the_request_id():
    for operation in find_operations(await get_document()).values():
        assert all("X-Request-Id" in response["headers"] for response in operation["responses"].values())


async def test_a_door_is_told_as_the_role_that_opens_it():
    async with serve_all(tokens=TOKENS) as running:
        doors = {(r.method, r.pattern): r.door for r in running.sidecar.routes}
    operations = find_operations(await get_document())
    for key, door in doors.items():
        closed = door is not Door.OPEN
        assert operations[key]["security"] == ([{"bearer": [door.name.lower()]}] if closed else [])
        assert {"401", "403"}.isdisjoint(operations[key]["responses"]) is not closed


async def test_nothing_is_said_of_tokens_where_none_is_asked_for():
    document = await get_document(tokens=())
    assert "securitySchemes" not in document["components"]
    assert all(o["security"] == [] and "401" not in o["responses"] for o in find_operations(document).values())


async def test_the_document_is_for_those_who_may_predict():
    async with serve_all(tokens=TOKENS) as running:
        assert (await running.get("/openapi.json")).status == 401
        assert (await running.get("/openapi.json?pretty=true", headers=BEARER)).status == 400


async def test_equal_services_have_equal_documents():
    assert await get_document() == await get_document()


async def test_instances_are_told_with_the_features_of_the_live_version():
    features = [Feature("temp", nullable=False), Feature("carrier", Kind.CATEGORICAL, levels=("UA", "AA"))]
    document = await get_document({1: WeightedSum(features, [1.0, 1.0])})
    instance = document["components"]["schemas"]["Instance"]
    assert instance["properties"]["temp"] == {"type": "number"}
    assert instance["properties"]["carrier"]["anyOf"][0] == {"enum": ["UA", "AA"]}
    assert instance["required"] == ["temp"]
    assert document["components"]["schemas"]["Instances"]["properties"]["instances"]["maxItems"] == 10_000


async def test_the_document_follows_the_live_version():
    versions = FixedVersions({1: make_model(1.0), 2: make_model(1.0, 2.0)}, {"production": 1})
    async with serve_all(versions) as running:
        found = []
        for number in (1, 1, 2, 1):
            versions.aliases["production"] = number
            schemas = (await running.get("/openapi.json")).json["components"]["schemas"]
            found.append(list(schemas["Instance"]["properties"]))
    assert found == [["a"], ["a"], ["a", "b"], ["a"]]


async def test_of_a_route_every_version_is_told_and_what_only_others_know_is_skipped():
    models = {1: make_model(1.0), 2: make_model(1.0, 2.0), 3: make_model(1.0, 2.0, 3.0)}
    versions = FixedVersions(models, {"production": ModelRoute.of({1: 90, 2: 10}, (3,))})
    told = (await get_document(versions))["components"]["schemas"]["Instance"]["anyOf"]
    assert [[name for name, schema in each["properties"].items() if "type" in schema] for each in told] == [
        ["a"],
        ["a", "b"],
    ]
    assert [list(each["properties"]) for each in told] == [["a", "b", "c"]] * 2


async def test_without_a_live_version_the_features_are_left_open():
    document = await get_document(FixedVersions({1: make_model(1.0)}, {"production": 9}))
    assert "properties" not in document["components"]["schemas"]["Instance"]


def test_a_path_may_have_several_parameters_and_those_not_told_are_texts():
    told = Parameter("n", Location.PATH, {"type": "integer"}, "Which one.")
    parameters = describe(Operation(parameters=[told], answers={200: as_json(int)}))["parameters"][1:]
    assert [(p["name"], p["in"], p["required"], p["schema"]["type"]) for p in parameters] == [
        ("n", "path", True, "integer"),
        ("job_id", "path", True, "string"),
    ]


def test_types_of_one_media_type_are_alternatives():
    answers = describe(Operation(answers={200: as_json(int, str)}))["responses"]
    schema = answers["200"]["content"]["application/json"]["schema"]
    assert schema == {"anyOf": [{"type": "integer"}, {"type": "string"}]}


def test_an_answer_and_a_problem_may_share_a_status():
    """As of a service that is not ready: then the problem's headers are not always there."""
    shared = describe(Operation(answers={503: as_json(int)}, problems=[Unavailable]))["responses"]["503"]
    assert list(shared["content"]) == ["application/json", "application/problem+json"]
    assert shared["headers"]["Retry-After"]["required"] is False


@pytest.mark.parametrize(
    ("errors", "status", "required"),
    [([Overloaded], "429", True), ([Unavailable], "503", True), ([Unavailable, *PROBLEMS], "503", False)],
)
def test_retry_after_is_told_where_it_comes(errors, status, required):
    answer = describe(Operation(problems=errors))["responses"][status]
    assert answer["headers"]["Retry-After"]["required"] is required


@pytest.fixture(scope="module")
def problematic():
    """A document with a route for each problem, which has no other."""
    routes = [make_route(Operation(problems=[error]), pattern=f"/{error.__name__}") for error in PROBLEMS]
    return make_document(routes, version="1", guarded=True, replaced={})


@pytest.mark.slow
def test_routes_with_one_problem_each_are_valid_openapi(problematic):
    OpenAPIV31SpecValidator(problematic).validate()


@pytest.mark.parametrize("error", PROBLEMS, ids=lambda error: error.__name__)
def test_every_problem_is_told_with_the_type_and_status_that_it_comes_with(problematic, error):
    problem = PROBLEMS[error]
    answer = find_operations(problematic)["GET", f"/{error.__name__}"]["responses"][str(problem.status)]
    told = answer["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]
    assert TYPE_PREFIX + problem.slug in told["type"]["enum"]
    assert told["status"] == {"const": problem.status}
    assert problem.title in answer["description"]


def test_what_is_told_of_problems_is_what_they_come_with():
    came = {name for name, _ in answer_problem(Overloaded("too much")).headers}
    told = describe(Operation(problems=[Overloaded]))["responses"]["429"]["headers"]
    assert came == {name for name in told if name != "X-Request-Id"}
