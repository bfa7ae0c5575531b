"""The description is complete: a client can be written from it alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from pydantic import TypeAdapter

from jobs import schemas
from jobs.api import benchmark_examples, examples, host_examples, notice_examples, routing_examples
from jobs.api.refusals import STATUS_OF_CODE
from tests.builders import PASSWORD, make_user

HAVE_TO_BE_THERE = """
    POST /documents
    GET /documents
    GET /documents/{document_id}
    DELETE /documents/{document_id}
    GET /documents/{document_id}/pages
    GET /documents/{document_id}/pages/{number}
    GET /documents/{document_id}/pages/{number}/image
    GET /documents/{document_id}/pages/{number}/readings
    PUT /documents/{document_id}/pages/{number}/text
    POST /documents/{document_id}/pages/{number}/approve
    POST /documents/{document_id}/pages/{number}/accept
    POST /documents/{document_id}/pages/{number}/discard
    POST /documents/{document_id}/pages/{number}/restore
    POST /documents/{document_id}/rerun
    GET /documents/{document_id}/result
    POST /documents/export
    POST /documents/{document_id}/cancel
    POST /documents/{document_id}/pause
    POST /documents/{document_id}/resume
    POST /documents/{document_id}/retry
    GET /backends
    POST /backends
    GET /backends/{name}
    PATCH /backends/{name}
    DELETE /backends/{name}
    POST /backends/{name}/drain
    POST /backends/{name}/activate
    POST /backends/{name}/disable
    POST /backends/{name}/check
    POST /backends/{name}/benchmark
    GET /backends/{name}/benchmark
    POST /backends/{name}/benchmark/stop
    GET /backends/{name}/measured
    GET /costs
    GET /routing/policy
    PUT /routing/policy
    GET /routing/versions
    POST /routing/versions/{number}/restore
    POST /routing/presets/{name}/load
    POST /routing/explain
    POST /routing/replay
    GET /routing/rules
    GET /alerts
    POST /alerts/{alert_id}/acknowledge
    GET /events
    GET /webhooks
    POST /webhooks
    GET /webhooks/{webhook_id}
    PATCH /webhooks/{webhook_id}
    DELETE /webhooks/{webhook_id}
    POST /webhooks/{webhook_id}/test
    GET /webhooks/{webhook_id}/deliveries
    POST /webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver
    GET /retention
    PUT /retention
    POST /retention/try
    GET /trash
    POST /trash/{document_id}/restore
    DELETE /trash/{document_id}
    GET /audit
    GET /me
"""


@pytest.fixture
def description(api: Any) -> dict[str, Any]:
    response = api.get("/openapi.json")
    assert response.status_code == 200
    return dict(response.json())


def operations(description: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path.removeprefix('/api/v1')}", operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_of_the_interface_is_there(description: dict[str, Any]) -> None:
    assert {line.strip() for line in HAVE_TO_BE_THERE.strip().splitlines()} == {
        name for name, _ in operations(description)
    }


def test_every_route_says_what_it_does(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        assert operation["summary"] and operation["description"] and operation["tags"], name
        assert operation["security"] == [{"BearerToken": []}, {"SessionCookie": []}], name


def test_every_route_names_its_refusals_with_the_envelope_and_an_example(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        refusals = {status: told for status, told in operation["responses"].items() if int(status) >= 400}
        assert {"401", "403", "500", "503"} <= set(refusals), name
        if "{" in name:
            assert "404" in refusals, name
        for status, told in refusals.items():
            content = told["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Error"}, (name, status)
            for example in examples_in(content):
                error = schemas.Error.model_validate(example)
                assert int(status) == 500 or STATUS_OF_CODE[error.error.code] == int(status), (name, status)


def test_every_route_shows_an_example_of_its_answer_and_its_body(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        good = {status: told for status, told in operation["responses"].items() if int(status) < 400}
        assert good, name
        for status, told in good.items():
            assert status == "204" or all(examples_in(content) for content in told["content"].values()), (name, status)
        body = operation.get("requestBody", {}).get("content", {})
        if "application/json" in body:
            assert examples_in(body["application/json"]), name
        for parameter in operation["parameters"]:
            assert parameter["name"] != "payload", name


def examples_in(content: dict[str, Any]) -> list[Any]:
    several = [example["value"] for example in content.get("examples", {}).values()]
    return several or ([content["example"]] if "example" in content else [])


def test_uploads_are_described_field_by_field(description: dict[str, Any]) -> None:
    body = description["paths"]["/api/v1/documents"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {"file", "priority", "purpose", "sla", "mode", "prompt", "dpi", "pages", "language", "password"} == set(
        body["properties"]
    )
    assert body["required"] == ["file"]


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in description["components"]["schemas"]


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (schemas.DocumentOut, examples.DOCUMENT),
        (schemas.DocumentOut, examples.NEW_DOCUMENT),
        (schemas.DocumentList, examples.DOCUMENTS),
        (schemas.PageList, examples.PAGES),
        (schemas.PageOut, examples.PAGE),
        (schemas.ReadingList, examples.READINGS),
        (schemas.EditIn, examples.EDIT),
        (schemas.ReadingIn, examples.CHOOSE),
        (schemas.RerunIn, examples.RERUN),
        (schemas.Me, examples.ME),
        (schemas.BackendOut, host_examples.BACKEND),
        (schemas.CheckedBackend, host_examples.CHECKED_BACKEND),
        (schemas.NewBackend, host_examples.NEW_BACKEND),
        (schemas.BenchmarkOut, benchmark_examples.BENCHMARK),
        (schemas.BenchmarkOut, benchmark_examples.BEGUN),
        (schemas.MeasuredOut, host_examples.MEASURED),
        (schemas.CostsOut, host_examples.COSTS),
        (schemas.PolicyOut, routing_examples.POLICY),
        (schemas.SavedPolicy, routing_examples.SAVED_POLICY),
        (schemas.VersionList, routing_examples.VERSIONS),
        (schemas.FactsIn, routing_examples.FACTS),
        (schemas.Explained, routing_examples.EXPLAINED),
        (schemas.RulesNow, routing_examples.RULES_NOW),
        (schemas.ReplayIn, routing_examples.REPLAY),
        (schemas.Replayed, routing_examples.REPLAYED),
        (schemas.AuditLog, examples.AUDIT_LOG),
        (schemas.AlertList, notice_examples.ALERTS),
        (schemas.AcknowledgeIn, notice_examples.ACKNOWLEDGE),
        (schemas.EventList, notice_examples.EVENTS),
        (schemas.WebhookList, notice_examples.WEBHOOKS),
        (schemas.NewWebhook, notice_examples.NEW_WEBHOOK),
        (schemas.RegisteredWebhook, notice_examples.REGISTERED_WEBHOOK),
        (schemas.DeliveryList, notice_examples.DELIVERIES),
    ],
)
def test_examples_have_the_form_they_are_examples_of(schema: Any, example: dict[str, Any]) -> None:
    read_back = TypeAdapter(schema).validate_python(example).model_dump(mode="json", exclude_unset=True)
    assert read_back == example


def test_the_description_is_for_those_who_may_use_the_api(db: None) -> None:
    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthenticated"


def test_the_browsable_page_needs_no_inline_script_and_nothing_from_elsewhere(db: None) -> None:
    make_user("mira")
    client = Client()
    assert client.get("/api/v1/docs").status_code == 302
    client.login(username="mira", password=PASSWORD)
    response = client.get("/api/v1/docs")
    assert response.status_code == 200
    page = response.content.decode()
    for script in page.split("<script")[1:]:
        head = script.split(">")[0]
        assert 'src="/static/' in head or 'type="application/json"' in head
    assert "//cdn" not in page and "https://" not in page
    assert client.get("/api/v1/openapi.json").status_code == 200
