"""python app.py STEP...: what sequelize/app.js does, as Django's users write it."""

import json
import os
import sys
import uuid

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import Count, F, Max, Q
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


@transaction.atomic
def work() -> None:
    """What an application asks on a usual day."""
    sign_up("grace@example.org", uuid.UUID(int=7))
    User.objects.get_or_create(
        email="alan@example.org", defaults={"id": uuid.UUID(int=8), "password_hash": "x"}
    )
    User.objects.update_or_create(email="ada@example.org", defaults={"first_name": "Ada"})
    User.objects.bulk_create(
        [User(id=uuid.UUID(int=9), email="ada@example.org", password_hash="y")],  # noqa: S106
        update_conflicts=True, unique_fields=["email"], update_fields=["password_hash"],
    )  # fmt: skip
    User.objects.filter(last_name=None).update(last_name="unknown", is_verified=True)
    grace = User.objects.select_for_update().get(email="grace@example.org")
    grace.google_id = "g7"
    grace.save()
    event = UsageAnalytics.objects.select_related("user").get(user=grace)
    event.session_id = "s1"
    event.save(update_fields=["session_id"])
    UsageAnalytics.objects.bulk_create(
        UsageAnalytics(id=uuid.UUID(int=number), user=grace, event_type="click") for number in (20, 21)
    )
    UsageAnalytics.objects.filter(user=grace).update(user_agent=F("session_id"))
    list(
        User.objects.annotate(events=Count("usageanalytics"), last=Max("usageanalytics__created_at")).filter(
            events__gt=0
        )
    )
    list(UsageAnalytics.objects.values("event_type").annotate(number=Count("id")).order_by("-number"))
    list(UsageAnalytics.objects.filter(event_data__from="ada@example.org").values_list("id", flat=True))
    list(
        User.objects.filter(Q(email__icontains="example") & ~Q(google_id=None)).order_by("-created_at")[5:10]
    )
    list(User.objects.only("email").filter(id__in=[GONE, grace.id]))
    list(UsageAnalytics.objects.defer("event_data", "user_agent").iterator(chunk_size=50))
    User.objects.filter(verification_token="t").exists()  # noqa: S106
    UsageAnalytics.objects.filter(ip_address="192.0.2.7").count()
    User.objects.raw("SELECT id, email, refresh_token FROM users WHERE updated_at < now()")[:1]
    UsageAnalytics.objects.filter(event_type="click").delete()
    User.objects.filter(id=GONE).delete()


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
        case "work":
            work()
        case "stray":
            UsageAnalytics.objects.create(user_id=GONE, event_type="login")
        case "read":
            users = User.objects.order_by("email").prefetch_related("usageanalytics_set")
            found = [[user.email, user.usageanalytics_set.get().event_data["from"]] for user in users]
            json.dump(found, sys.stdout)


for step in sys.argv[1:]:
    run(step)
    connection.close()
