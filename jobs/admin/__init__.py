"""Django's admin: everything an administrator may look into, and change through the services."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required

# First of all: Django loads this package before jobs.apps is ready, and an actor belongs to the broker that there is
# when it is declared.
from jobs import broker  # noqa: F401 - it sets itself as Dramatiq's broker
from jobs.admin import access, backends, documents, health, routing

__all__ = ["access", "backends", "documents", "health", "routing"]

admin.site.site_header = "ocrsite"
admin.site.site_title = "ocrsite"
admin.site.index_title = "Administration"
# One door: people sign in on the site's own page, with whatever guards it.
admin.site.login = login_required(admin.site.login)  # type: ignore[method-assign]
