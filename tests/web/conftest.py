"""Somebody signed in, and a page to look at."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests import builders


@pytest.fixture
def mira(db):
    builders.make_policy()
    builders.make_backend("calypso")
    return builders.make_user("mira")


@pytest.fixture
def client(client, mira):
    """Signed in as Mira, a member of staff."""
    client.force_login(mira)
    return client


@pytest.fixture
def admin(db, client):
    """A client of an administrator's. Mira is somebody else."""
    from django.test import Client

    other = Client()
    other.force_login(builders.make_user("ada", admin=True))
    return other


@pytest.fixture
def stranger(db, client):
    from django.test import Client

    other = Client()
    other.force_login(builders.make_user("okafor"))
    return other


class Outline(HTMLParser):
    """What a test asks of a page: its elements with their attributes, and the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(html)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        self.words += f" {data}"

    def with_id(self, name: str) -> dict[str, str]:
        return next(attributes for _, attributes in self.elements if attributes.get("id") == name)

    def ids(self) -> set[str]:
        return {attributes["id"] for _, attributes in self.elements if "id" in attributes}


@pytest.fixture
def outline():
    return lambda response: Outline(response.content.decode())
