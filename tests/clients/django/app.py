"""python app.py STEP...: what sequelize/app.js does, as Django's users write it."""

import json
import os
import sys
import uuid

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from psycopg.conninfo import conninfo_to_dict

GONE = uuid.UUID("c11ed8a9-ba3a-4c97-917e-0600e4985488")

where = conninfo_to_dict(os.environ["DATABASE_URL"])
names = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}
database = {"ENGINE": "django.db.backends.postgresql", **{name: where[it] for name, it in names.items()}}
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["story"], USE_TZ=True)
django.setup()

from story.models import UsageAnalytics, User  # noqa: E402 - needs all of the above


def sign_up(email: str, id_: uuid.UUID | None = None) -> None:
    user = User.objects.create(id=id_ or uuid.uuid4(), email=email, password_hash="x")  # noqa: S106
    UsageAnalytics.objects.create(
        user=user, event_type="login", event_data={"from": email}, ip_address="192.0.2.7"
    )


def add_key() -> None:
    """As its own migration does when a model's db_constraint=False is taken away."""
    before = models.ForeignKey(User, models.CASCADE, db_constraint=False)
    before.set_attributes_from_name("user")
    before.model = UsageAnalytics
    with connection.schema_editor() as editor:
        editor.alter_field(UsageAnalytics, before, UsageAnalytics._meta.get_field("user"))


def run(step: str) -> None:
    match step:
        case "make" | "start":
            call_command("migrate", run_syncdb=True, verbosity=0)
        case "key":
            add_key()
        case "fill":
            sign_up("ada@example.org")
            sign_up("gone@example.org", GONE)
        case "write":
            sign_up("grace@example.org")
        case "stray":
            UsageAnalytics.objects.create(user_id=GONE, event_type="login")
        case "read":
            users = User.objects.order_by("email").prefetch_related("usageanalytics_set")
            found = [[user.email, user.usageanalytics_set.get().event_data["from"]] for user in users]
            json.dump(found, sys.stdout)


for step in sys.argv[1:]:
    run(step)
    connection.close()
