"""What the service says of itself, and whether it keeps its word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import select

from core.spec import ExportSpec
from core.store import hooks, jobs
from core.store.tables import Delivery
from tests.api.conftest import Library, Service


def operations(library: Library) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in library.http.get("/v1/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_operation_has_a_name_of_its_own_and_is_described(library_on_sqlite: Library) -> None:
    names = [operation["operationId"] for _, _, operation in operations(library_on_sqlite)]
    assert len(names) == len(set(names)) > 25
    for method, path, operation in operations(library_on_sqlite):
        assert operation["description"].strip().endswith("."), (method, path)
        assert operation["summary"] and operation["tags"]


def test_every_operation_tells_that_its_problems_are_problems(library_on_sqlite: Library) -> None:
    for method, path, operation in operations(library_on_sqlite):
        default = operation["responses"]["default"]["content"]
        assert list(default) == ["application/problem+json"], (method, path)
        assert default["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/ProblemBody"}
        assert not {"422", "4XX"} & set(operation["responses"])


@pytest.mark.parametrize("service", ["postgresql"], indirect=True)  # the stricter of the two about what it is given
def test_the_service_answers_as_it_says(service: Service) -> None:
    import schemathesis  # slow, and needed here only
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi import checks

    schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
    conformance = (checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance)
    data = service.ready()
    audit = service.finished(data)
    tus = {"Tus-Resumable": "1.0.0"}
    upload = service.http.post("/v1/uploads", headers={**tus, "Upload-Length": "100"}).headers["location"]
    ours = {"dataset_id": data.id, "audit_id": audit.id, "n": 0, "format": "csv", "name": "labels.json"}
    ours["bulk_id"] = "01a20000-0000-7000-8000-000000000000"
    with service.db.write() as session:
        hook = hooks.create(session, "https://data.example.org/", "whsec_AA==", None)
        jobs.submit(session, "audit", data.pk, {})
        [delivery] = session.execute(select(Delivery.id)).scalars()
        spec = ExportSpec(audit_id=audit.id, format="csv", reviews=0).model_dump()
        ours["export_id"] = jobs.submit(session, "export", data.pk, spec).id
    ours |= {"upload_id": upload.rpartition("/")[2], "other_id": audit.id, "hook_id": hook.id, "delivery_id": delivery}
    called = set()

    def try_out(operation: Any) -> None:
        # A removal finds nothing, so that there is something left to look at.
        removes = operation.method.upper() == "DELETE"

        @examples(max_examples=10, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(), real=st.booleans())
        def answers(case: Any, real: bool) -> None:
            if real and not removes:
                case.path_parameters = {name: ours[name] for name in case.path_parameters or {}}
                if isinstance(case.body, dict) and "dataset_id" in case.body:
                    case.body["dataset_id"] = data.id
                if "uploads" in operation.path and operation.method.upper() != "OPTIONS":
                    case.headers = {**(case.headers or {}), **tus, "Upload-Length": "100", "Upload-Offset": "0"}
                    for name in ("Upload-Checksum", "Upload-Metadata", "Upload-Defer-Length"):
                        case.headers.pop(name, None)
            response = case.call_and_validate(checks=[not_a_server_error, *conformance])
            called.add((case.method, response.status_code < 400))

        answers()

    schema = schemathesis.openapi.from_url(f"{service.url}/v1/openapi.json")
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        try_out(found.ok())
    assert {("GET", True), ("GET", False), ("POST", True), ("HEAD", True), ("PATCH", True), ("DELETE", False)} <= called
