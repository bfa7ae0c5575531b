"""The ASGI application, for deployments that prefer it; bin/up serves WSGI (docs/decisions/0003)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
application = get_asgi_application()
