from tests.services_fixtures import short_folder  # noqa: F401 - a fixture
