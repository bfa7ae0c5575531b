"""Every address of the site."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

urlpatterns = [
    # Pages name their icon; Django's own admin does not, and browsers then ask here.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("img/icon.svg"))),
    path("admin/", admin.site.urls),
    path("", include("jobs.api.urls")),
    path("", include("jobs.views.urls")),
]
handler500 = "jobs.views.problems.server_error"
