"""Django, in one file: what a project has in settings.py, urls.py and wsgi.py.

DB_NAME=app DB_USER=app DB_HOST=localhost python django_orders.py runserver --noreload
gunicorn django_orders:application
"""

import logging
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

import sqlrail

BASE_DIR = Path(__file__).parent

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", "only for development"),
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["DB_NAME"],
            "USER": os.environ.get("DB_USER", ""),
            "PASSWORD": os.environ.get("DB_PASSWORD", ""),
            "HOST": os.environ.get("DB_HOST", ""),
            "PORT": os.environ.get("DB_PORT", ""),
        }
    },
)


def orders(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's views are given one
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        (count,) = cursor.fetchone()
    return JsonResponse({"orders": count})


urlpatterns = [path("orders", orders)]

django.setup()
# In wsgi.py or asgi.py, and not in AppConfig.ready(): that runs for each command of manage.py too.
sqlrail.migrate(
    settings.DATABASES["default"],
    BASE_DIR / "migrations",
    lock_wait=300,
    say=logging.getLogger("orders").info,
)
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
