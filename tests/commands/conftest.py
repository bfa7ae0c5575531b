from tests.services_fixtures import private_redis, redis_of_this_process, short_folder  # noqa: F401 - fixtures
